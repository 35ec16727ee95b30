import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest } from '../../../src/ports.ts';
import { projection, snapshot } from '../projection/support.ts';
import { context } from '../search/support.ts';
import { served, sourced, type Holder } from './fuzz/backends.ts';
import type { Caller } from './fuzz/model.ts';
import { stackOver, type Asked, type Stack, type Told } from './fuzz/stack.ts';
import { BASE, type Known } from './fuzz/world.ts';

/*
 * One hospital, three ways to hold it, and one answer to every caller: the same whatever holds the data. What the fuzz finds at random is said here in plain cases.
 */

const of = (id: string) => ({ reference: `Patient/${id}` });
const concept = (code: string) => ({ coding: [{ system: 'urn:codes', code }] });
const label = (code: string) => ({ security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }] }); // prettier-ignore
const known = (resourceType: string, id: string, more: object): Known => ({ resourceType, id, ...more });
const observation = (id: string, patient: string, category: string, more: object = {}) =>
  known('Observation', id, { status: 'final', code: concept('x'), category: [concept(category)], subject: of(patient), ...more }); // prettier-ignore

const WORLD: readonly Known[] = [
  known('Patient', 'a', {
    identifier: [{ value: 'A' }],
    generalPractitioner: [{ reference: 'Practitioner/d' }],
  }),
  known('Patient', 'b', { identifier: [{ value: 'B' }] }),
  known('Practitioner', 'd', { name: [{ family: 'House' }] }),
  known('Encounter', 'ea', { status: 'finished', class: { code: 'IMP' }, subject: of('a') }),
  known('Encounter', 'eb', { status: 'finished', class: { code: 'IMP' }, subject: of('b') }),
  observation('a1', 'a', 'lab', { performer: [{ reference: 'Practitioner/d' }], encounter: { reference: 'Encounter/ea' } }), // prettier-ignore
  observation('a2', 'a', 'vital', { performer: [of('b')] }),
  observation('a3', 'a', 'lab', { hasMember: [{ reference: 'Observation/b1' }] }),
  observation('a4', 'a', 'lab', { meta: label('R') }),
  observation('b1', 'b', 'lab', { performer: [{ reference: 'Practitioner/d' }] }),
  observation('b2', 'b', 'lab'),
  observation('b3', 'b', 'lab'),
  observation('b4', 'b', 'lab'),
];

function told(world: readonly Known[]): Holder {
  const it = projection({ defaultCount: 3 });
  for (const resource of world) it.apply({ changes: [snapshot(resource)] });
  return { backend: it.backend, writes: false, native: true, states: async () => [] };
}

const HOLDERS: readonly (readonly [name: string, make: () => Holder])[] = [
  ['a projection', () => told(WORLD)],
  ['a legacy core', () => sourced(WORLD, false)],
  ['a core that must be told a patient', () => sourced(WORLD, true)],
  ['a modern service', () => served(WORLD)],
];
const stackOf = (holder: Holder, labelled = true): Stack =>
  stackOver(holder.backend, { labelled, native: holder.native, shared: false });

const patientA = (...scopes: string[]): Caller => ({ scopes, patient: 'a', purposes: [] });
const doctor = (...scopes: string[]): Caller => ({ scopes, fhirUser: 'Practitioner/d', purposes: [] });
const get = (stack: Stack, caller: Caller, url: string, headers = {}): Promise<Told> =>
  stack.ask(caller, { method: 'GET', url, headers });

type Entry = { readonly resource: Resource; readonly search?: { readonly mode: string } };
const entriesOf = ({ body }: Told): Entry[] => (body?.['entry'] ?? []) as unknown as Entry[];
const named = (told: Told, mode?: string): string[] =>
  entriesOf(told)
    .filter(
      ({ resource, search }) =>
        resource.resourceType !== 'OperationOutcome' && (!mode || search?.mode === mode),
    )
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    .sort();

/** Matches of all pages. */
async function found(stack: Stack, caller: Caller, url: string): Promise<string[]> {
  const all: string[] = [];
  for (let next: string | undefined = url; next !== undefined;) {
    const page: Told = await get(stack, caller, next);
    expect(page.status, page.text).toBe(200);
    all.push(...named(page, 'match'));
    const links = (page.body?.['link'] ?? []) as unknown as { relation: string; url: string }[];
    next = links.find(({ relation }) => relation === 'next')?.url.slice(BASE.length + 1);
  }
  return all.sort();
}

const codes = ({ body }: Told): unknown[] =>
  ((body?.['issue'] ?? []) as JsonObject[]).map(({ code }) => code);

describe.each(HOLDERS)('over %s', (_name, make) => {
  const stack = stackOf(make());
  const open = stackOf(make(), false);

  it('a patient scope reads and finds the patient’s own, and what is shared', async () => {
    const caller = patientA('patient/*.rs');
    expect(await found(stack, caller, 'Observation')).toEqual([
      'Observation/a1',
      'Observation/a2',
      'Observation/a3',
    ]);
    expect(await found(open, caller, 'Observation?patient=a')).toHaveLength(4);
    expect(await found(open, caller, 'Patient?_id=a')).toEqual(['Patient/a']);
    for (const name of ['Patient/a', 'Observation/a1', 'Encounter/ea', 'Practitioner/d'])
      expect((await get(open, caller, name)).status, name).toBe(200);
  });

  it('another patient by name is refused, whether there is one or not', async () => {
    const caller = patientA('patient/*.rs');
    const asked = ['Patient/b', 'Patient/nobody', 'Patient?_id=b', 'Observation?patient=b', 'Observation?patient=nobody', 'Observation?patient=a,b', 'Observation?subject=Patient/b', 'Observation?performer=Patient/b', 'Observation?subject:Patient._id=b', 'Patient?_id=b&_revinclude=Observation:patient']; // prettier-ignore
    for (const url of asked) expect({ url, status: (await get(open, caller, url)).status }).toEqual({ url, status: 403 }); // prettier-ignore
  });

  it('what may not be seen is as what is not there', async () => {
    const caller = patientA('patient/*.rs');
    const nothing = await get(stack, caller, 'Observation/none');
    expect(nothing.status).toBe(404);
    for (const id of ['b1', 'a4']) {
      expect(await get(stack, caller, `Observation/${id}`)).toEqual(nothing);
      expect((await get(stack, caller, `Observation/${id}/_history/1`)).status).toBe(404);
      // Not even that it has not changed.
      const version = await get(stack, doctor('user/*.rs'), `Observation/${id}`);
      const tag = version.headers['etag'] ?? 'W/"1"';
      expect((await get(stack, caller, `Observation/${id}`, { 'if-none-match': tag })).status).toBe(404);
    }
  });

  it('a granular scope is of what comes back, whatever was asked for', async () => {
    const caller = patientA('patient/Observation.rs?category=lab');
    expect(await found(open, caller, 'Observation')).toEqual([
      'Observation/a1',
      'Observation/a3',
      'Observation/a4',
    ]);
    expect(await found(open, caller, 'Observation?patient=a&category=vital')).toEqual([]);
    expect((await get(open, caller, 'Observation/a2')).status).toBe(404);
    expect((await get(open, caller, 'Observation/a1?_elements=id')).status).toBe(200);
    const both = patientA('patient/Observation.rs?category=lab', 'patient/Observation.rs?status=preliminary');
    expect(await found(open, both, 'Observation?_elements=id')).toEqual(['Observation/a1', 'Observation/a3', 'Observation/a4']); // prettier-ignore
  });

  it('a total counts what may be seen, or is not there', async () => {
    const caller = patientA('patient/Observation.rs');
    const total = async (url: string) => (await get(stack, caller, url)).body?.['total'];
    expect(await total('Observation?_summary=count')).toBe(3);
    expect(await total('Observation?_total=accurate&_count=1')).toBe(3);
    expect([undefined, 2]).toContain(await total('Observation?category=lab'));
    expect([undefined, 3]).toContain(await total('Observation?_count=1'));
  });

  it('an inclusion brings what the grants reach, and says by type what they do not', async () => {
    const caller = patientA('patient/Observation.s', 'patient/Practitioner.r');
    const answer = await get(open, caller, 'Observation?patient=a&_include=Observation:performer&_include=Observation:has-member&_include=Observation:encounter&_count=10'); // prettier-ignore
    expect(named(answer, 'include')).toEqual(['Practitioner/d']);
    expect(answer.text).not.toContain('"b1","');
    expect(answer.text).toContain('A Encounter that was to be included is not for this caller.');
  });

  it('a chain and a _has lead through what may be seen, and through nothing else', async () => {
    const caller = patientA('patient/Observation.rs', 'patient/Patient.rs', 'patient/Practitioner.rs');
    expect(await found(open, caller, 'Observation?patient.identifier=A')).toHaveLength(4);
    expect(await found(open, caller, 'Observation?patient.identifier=B')).toEqual([]);
    expect(await found(open, caller, 'Patient?_has:Observation:patient:code=x')).toEqual(['Patient/a']);
    expect(await found(open, caller, 'Patient?_has:Observation:performer:code=x')).toEqual([]);
    expect(await found(stack, caller, 'Practitioner?_has:Observation:performer:category=lab')).toEqual(['Practitioner/d']); // prettier-ignore
    const without = patientA('patient/Observation.rs');
    expect((await get(open, without, 'Observation?patient.identifier=A')).status).toBe(403);
    const narrow = patientA('patient/Patient.rs');
    expect((await get(open, narrow, 'Patient?_has:Observation:patient:code=x')).status).toBe(403);
  });

  it('what refers to a match comes with it as far as it may be seen', async () => {
    const caller = patientA('patient/Observation.rs', 'patient/Practitioner.rs');
    const answer = await get(open, caller, 'Practitioner?_id=d&_revinclude=Observation:performer');
    expect(named(answer, 'include')).toEqual(['Observation/a1']);
    const without = patientA('patient/Practitioner.rs');
    const refused = await get(open, without, 'Practitioner?_id=d&_revinclude=Observation:performer');
    expect(named(refused)).toEqual(['Practitioner/d']);
    expect(refused.text).toContain('No scope of this token allows to see Observation resources');
  });

  it('a page of another caller, or of the same one with other scopes, gives nothing more', async () => {
    const all = doctor('user/Observation.rs');
    const first = await get(open, all, 'Observation?patient=b&_count=1');
    const links = (first.body?.['link'] ?? []) as unknown as { relation: string; url: string }[];
    const next = links.find(({ relation }) => relation === 'next')!.url.slice(BASE.length + 1);
    for (const caller of [patientA('patient/Observation.rs'), doctor('user/Observation.rs?category=vital')]) {
      const page = await get(open, caller, next);
      expect(named(page).filter((name) => name.includes('/b'))).toEqual([]);
      if (page.status !== 200) expect([400, 403]).toContain(page.status);
    }
  });

  it('no scope, no interaction', async () => {
    const caller = patientA('patient/Observation.s');
    expect((await get(open, caller, 'Observation/a1')).status).toBe(403);
    expect((await get(open, caller, 'Encounter?patient=a')).status).toBe(403);
    const refused = await get(open, patientA('patient/Encounter.rs'), 'Observation/a1');
    expect(refused.headers['www-authenticate']).toBe('Bearer error="insufficient_scope"');
    expect(codes(refused)).toEqual(['forbidden']);
    const nobody: Caller = { scopes: ['patient/*.rs', 'user/*.rs'], purposes: [] };
    expect((await get(open, nobody, 'Observation?patient=a')).status).toBe(403);
  });

  it('each entry of a batch is one request', async () => {
    const caller = patientA('patient/Observation.rs');
    const urls = ['Observation/a1', 'Observation/b1', 'Patient/a', 'Observation?patient=b'];
    const { body } = await open.batch(
      caller,
      urls.map((url): Asked => ({ method: 'GET', url })),
    );
    const entries = body?.['entry'] as unknown as { response: { status: string } }[];
    expect(entries.map(({ response }) => response.status)).toEqual(['200', '404', '403', '403']);
  });
});

it('who may see everything gets no less than whole resources looked at: what is left of one may not say whose it is', async () => {
  const { backend, native } = served(WORLD);
  const asked: FhirRequest[] = [];
  const seen: Backend = {
    handle(request, at) {
      asked.push(request);
      return backend.handle(request, at);
    },
  };
  const all = stackOver(seen, { labelled: false, native, shared: false });
  const caller: Caller = { ...doctor('user/*.rs'), purposes: ['TREAT'] };
  for (const shape of ['_elements=status', '_summary=text', '_summary=data', '_summary=true']) {
    for (const url of [`Observation/a1?${shape}`, `Observation?_id=a1&${shape}`])
      expect((await get(all, caller, url)).text, url).toContain('SUBSETTED');
  }
  const { body } = await get(all, caller, 'Observation?_id=a1&_elements=status');
  expect(body?.['entry']).toMatchObject([{ resource: { id: 'a1', status: 'final' } }]);
  expect(JSON.stringify(body)).not.toContain('subject');
  expect(asked.filter(({ query }) => query?.elements ?? query?.summary)).toEqual([]);
  // A count has no resources that could be whole.
  expect((await get(all, caller, 'Observation?patient=a&_summary=count')).body?.['total']).toBe(4);
});

describe.each([
  ['a legacy core', () => sourced(WORLD, false)],
  ['a modern service', () => served(WORLD)],
] as const)('writing to %s', (_name, make) => {
  const WRITES = ['patient/Observation.cruds', 'patient/Patient.cruds', 'patient/Practitioner.cruds', 'patient/Encounter.cruds']; // prettier-ignore
  const caller = patientA(...WRITES);
  const body = (more: object): Resource => {
    const { id: _id, ...rest } = observation('', 'a', 'lab', more);
    return rest;
  };
  const post = (more: object, headers = {}): Asked => ({
    method: 'POST',
    url: 'Observation',
    body: body(more),
    headers,
  });
  const put = (id: string, more: object): Asked => ({ method: 'PUT', url: `Observation/${id}`, body: { ...body(more), id } }); // prettier-ignore

  it('takes what is the patient’s', async () => {
    const stack = stackOf(make(), false);
    for (const more of [
      {},
      { subject: { reference: `${BASE}/Patient/a` } },
      { encounter: { reference: 'Encounter/ea' } },
      { performer: [{ reference: 'Practitioner/d' }] },
      { performer: [{ type: 'Practitioner', identifier: { value: 'D' } }] },
      { subject: { ...of('a'), identifier: { value: 'A' } } },
    ])
      expect((await stack.ask(caller, post(more))).status).toBe(201);
    expect((await stack.ask(caller, put('a1', { status: 'amended' }))).status).toBe(200);
  });

  it.each<[string, object, number]>([
    ['is another’s', { subject: of('b') }, 403],
    ['is nobody’s', { subject: undefined }, 403],
    ['names another patient elsewhere in it', { performer: [of('b')] }, 403],
    ['names another patient inside something contained', { contained: [{ resourceType: 'Specimen', id: 's', subject: of('b') }] }, 403], // prettier-ignore
    ['names a patient of a server that may be one behind this', { performer: [{ reference: 'http://labs.example/fhir/Patient/b' }] }, 403], // prettier-ignore
    ['asks a server to look for a patient', { performer: [{ reference: 'Patient?identifier=B' }] }, 403],
    ['names another patient by a number', { subject: { type: 'Patient', identifier: { value: 'B' } }, performer: [of('a')] }, 403], // prettier-ignore
    ['names by a number who may be another patient', { subject: { identifier: { value: 'B' } }, performer: [of('a')] }, 403], // prettier-ignore
    ['names by a number who may be one, beside an address of nothing', { subject: { reference: 'urn:oid:2.999', identifier: { value: 'B' } }, performer: [of('a')] }, 403], // prettier-ignore
    ['names another patient by a number beside the own reference', { subject: { ...of('a'), identifier: { value: 'B' } } }, 403], // prettier-ignore
    ['names another visit by a number beside an own one', { encounter: { reference: 'Encounter/ea', identifier: { value: 'EB' } } }, 403], // prettier-ignore
    ['is tied to a visit by its number', { encounter: { type: 'Encounter', identifier: { value: 'EB' } } }, 403], // prettier-ignore
    ['is about a patient inside it', { contained: [{ resourceType: 'Patient', id: 'p', identifier: [{ value: 'B' }] }], subject: { reference: '#p' }, performer: [of('a')] }, 403], // prettier-ignore
    ['is tied to another’s visit', { encounter: { reference: 'Encounter/eb' } }, 422],
    ['is tied to a visit that is not there', { encounter: { reference: 'Encounter/none' } }, 422],
  ])('refuses what %s', async (_what, more, status) => {
    const holder = make();
    const stack = stackOf(holder, false);
    const before = JSON.stringify(await holder.states());
    expect((await stack.ask(caller, post(more))).status).toBe(status);
    expect((await stack.ask(caller, put('a1', more))).status).toBe(status);
    expect(JSON.stringify(await holder.states())).toBe(before);
  });

  it('refuses what a granular scope does not reach, as it is and as it would be', async () => {
    const stack = stackOf(make(), false);
    const labs = patientA('patient/Observation.cruds?category=lab');
    expect((await stack.ask(labs, post({ category: [concept('vital')] }))).status).toBe(403);
    expect((await stack.ask(labs, put('a1', { category: [concept('vital')] }))).status).toBe(403);
    expect((await stack.ask(labs, put('a2', {}))).status).toBe(404);
    expect((await stack.ask(labs, put('a1', {}))).status).toBe(200);
  });

  it('tells of an update of another’s what it tells of one of nothing', async () => {
    const stack = stackOf(make(), false);
    const [another, nothing] = [
      await stack.ask(caller, put('b1', {})),
      await stack.ask(caller, put('none', {})),
    ];
    expect(another.status).toBe(404);
    expect(another).toEqual(nothing);
    const patient: Asked = { method: 'PUT', url: 'Patient/b', body: { resourceType: 'Patient', id: 'b' } };
    expect((await stack.ask(caller, patient)).status).toBe(403);
    const shared: Asked = {
      method: 'PUT',
      url: 'Practitioner/d',
      body: { resourceType: 'Practitioner', id: 'd' },
    };
    expect((await stack.ask(caller, shared)).status).toBe(403);
  });

  /** Somebody else writes each time just before an update arrives. */
  const raced = (holder: Holder, others: Known[]): Backend => ({
    async handle(request, whose) {
      const other = request.interaction === 'update' ? others.shift() : undefined;
      if (other) {
        const bytes = Buffer.from(JSON.stringify(other));
        await holder.backend.handle({ interaction: 'update', type: 'Observation', id: other.id, handling: 'strict', resource: other, body: bytes }, context()); // prettier-ignore
      }
      return holder.backend.handle(request, whose);
    },
  });
  const presentOf = async (holder: Holder, id: string) => (await holder.states()).map((it) => it.at(-1)!).find((it) => it.id === id); // prettier-ignore

  it('overwrites nothing that became another’s after it was looked at', async () => {
    const holder = make();
    const backend = raced(holder, [observation('a1', 'b', 'lab')]);
    const stack = stackOver(backend, { labelled: false, native: false, shared: false });
    expect((await stack.ask(caller, put('a1', { status: 'amended' }))).status).toBe(404);
    expect(await presentOf(holder, 'a1')).toMatchObject({ subject: of('b'), status: 'final' });
  });

  it('judges once more what others have changed, and gives up when they do so again', async () => {
    const holder = make();
    const mine = (status: string) => observation('a1', 'a', 'lab', { status });
    const once = stackOver(raced(holder, [mine('corrected')]), { labelled: false, native: false, shared: false }); // prettier-ignore
    expect((await once.ask(caller, put('a1', { status: 'amended' }))).status).toBe(200);
    expect(await presentOf(holder, 'a1')).toMatchObject({ status: 'amended' });
    const twice = stackOver(raced(holder, [mine('corrected'), mine('preliminary')]), { labelled: false, native: false, shared: false }); // prettier-ignore
    expect((await twice.ask(caller, put('a1', { status: 'amended' }))).status).toBe(409);
    expect(await presentOf(holder, 'a1')).toMatchObject({ status: 'preliminary' });
  });

  it('makes no new resource for who may only change one', async () => {
    const holder = make();
    const stack = stackOf(holder, false);
    const changer = doctor('user/Observation.rus');
    const before = JSON.stringify(await holder.states());
    expect((await stack.ask(changer, put('none', {}))).status).toBe(404);
    const byCriteria: Asked = { method: 'PUT', url: 'Observation?identifier=none', body: body({}) };
    expect((await stack.ask(changer, byCriteria)).status).toBe(403);
    expect(JSON.stringify(await holder.states())).toBe(before);
  });

  it('lets criteria match what may be seen alone', async () => {
    const marked = [
      ...WORLD,
      observation('a9', 'a', 'lab', { identifier: [{ value: 'one' }] }),
      observation('b9', 'b', 'lab', { identifier: [{ value: 'two' }] }),
    ];
    const holder = make === HOLDERS[3]?.[1] ? served(marked) : sourced(marked, false);
    const stack = stackOf(holder, false);
    const own = await stack.ask(caller, post({}, { 'if-none-exist': 'identifier=one' }));
    expect({ status: own.status, id: own.body?.['id'] }).toEqual({ status: 200, id: 'a9' });
    const made = await stack.ask(caller, post({}, { 'if-none-exist': 'identifier=two' }));
    expect(made.status).toBe(201);
    expect(made.text).not.toContain('b9');
    const following = await stack.ask(caller, post({}, { 'if-none-exist': 'subject:Patient.identifier=B' }));
    expect(following.status).toBe(400);
    const changed: Asked = {
      method: 'PUT',
      url: 'Observation?identifier=one',
      body: body({ status: 'amended' }),
    };
    expect((await stack.ask(caller, changed)).body).toMatchObject({ id: 'a9', status: 'amended' });
  });

  it('sends what was judged, not the bytes that came with it', async () => {
    const holder = make();
    const stack = stackOf(holder, false);
    const bytes = Buffer.from(JSON.stringify(body({ subject: of('b') })));
    const principal = stack.principalOf(caller);
    await stack.backend.handle(
      { interaction: 'create', type: 'Observation', handling: 'strict', resource: body({}), body: bytes },
      context({ principal }),
    );
    const made = (await holder.states()).flat().find(({ id }) => id === 'n1');
    expect(made?.['subject']).toEqual(of('a'));
  });

  it('answers who may not read without what was written', async () => {
    const stack = stackOf(make(), false);
    const written = await stack.ask(patientA('patient/Observation.c'), post({}));
    expect(written.status).toBe(201);
    expect(written.headers['location']).toMatch(/Observation\/n1$/);
    expect(written.body).toBeUndefined();
  });
});
