import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend } from '../../../src/ports.ts';
import { piped } from '../search/hospital.ts';
import { context } from '../search/support.ts';
import { served, sourced, type Holder } from './fuzz/backends.ts';
import { stackOver, type Asked } from './fuzz/stack.ts';
import { BASE, type Known } from './fuzz/world.ts';
import {
  codes,
  of,
  concept,
  observation,
  WORLD,
  HOLDERS,
  stackOf,
  patientA,
  doctor,
} from './enforce-world.ts';

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
    // Of what may not be seen there is no version either, in the words of what is not there.
    const [hidden, nothing] = await Promise.all(
      ['two', 'none'].map((value) =>
        stack.ask(caller, {
          ...changed,
          url: `Observation?identifier=${value}`,
          headers: { 'if-match': '"1"' },
        }),
      ),
    );
    expect(hidden?.status).toBe(412);
    expect(hidden).toEqual(nothing);
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

describe('a service that answers a create with what nobody can read', () => {
  const create: Asked = { method: 'POST', url: 'Observation', body: { resourceType: 'Observation', status: 'final', code: concept('x'), subject: of('a') } }; // prettier-ignore
  const answering = (status: number): Backend => ({
    handle: async () => ({
      status,
      headers: { location: 'Observation/n1/_history/1' },
      servedBy: 'modern:labs',
      body: piped('<html>').body,
    }),
  });
  const ask = (status: number) =>
    stackOver(answering(status), { labelled: false, native: false, shared: false }).ask(
      patientA('patient/Observation.cruds'),
      create,
    );

  it('has done it when it says so with 201, and where', async () => {
    const told = await ask(201);
    expect([told.status, told.headers['location']]).toEqual([201, expect.stringContaining('Observation/n1')]);
  });

  it('may not have done it when it says 200', async () => {
    const told = await ask(200);
    expect(told.status).toBe(504);
    expect(codes(told)).toEqual(['incomplete']);
  });
});
