import { describe, expect, it } from 'vitest';
import type { Backend, FhirRequest } from '../../../src/ports.ts';
import { served } from './fuzz/backends.ts';
import type { Caller } from './fuzz/model.ts';
import { stackOver, type Asked } from './fuzz/stack.ts';
import { BASE } from './fuzz/world.ts';
import { WORLD, HOLDERS, stackOf, patientA, doctor, get, named, found, codes } from './enforce-world.ts';

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
