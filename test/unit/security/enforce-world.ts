import { expect } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import { projection, snapshot } from '../projection/support.ts';
import { served, sourced, type Holder } from './fuzz/backends.ts';
import type { Caller } from './fuzz/model.ts';
import { stackOver, type Stack, type Told } from './fuzz/stack.ts';
import { BASE, type Known } from './fuzz/world.ts';

export const of = (id: string) => ({ reference: `Patient/${id}` });
export const concept = (code: string) => ({ coding: [{ system: 'urn:codes', code }] });
const label = (code: string) => ({ security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }] }); // prettier-ignore
const known = (resourceType: string, id: string, more: object): Known => ({ resourceType, id, ...more });
export const observation = (id: string, patient: string, category: string, more: object = {}) =>
  known('Observation', id, { status: 'final', code: concept('x'), category: [concept(category)], subject: of(patient), ...more }); // prettier-ignore

export const WORLD: readonly Known[] = [
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

export const HOLDERS: readonly (readonly [name: string, make: () => Holder])[] = [
  ['a projection', () => told(WORLD)],
  ['a legacy core', () => sourced(WORLD, false)],
  ['a core that must be told a patient', () => sourced(WORLD, true)],
  ['a modern service', () => served(WORLD)],
];
export const stackOf = (holder: Holder, labelled = true): Stack =>
  stackOver(holder.backend, { labelled, native: holder.native, shared: false });

export const patientA = (...scopes: string[]): Caller => ({ scopes, patient: 'a', purposes: [] });
export const doctor = (...scopes: string[]): Caller => ({ scopes, fhirUser: 'Practitioner/d', purposes: [] });
export const get = (stack: Stack, caller: Caller, url: string, headers = {}): Promise<Told> =>
  stack.ask(caller, { method: 'GET', url, headers });

type Entry = { readonly resource: Resource; readonly search?: { readonly mode: string } };
const entriesOf = ({ body }: Told): Entry[] => (body?.['entry'] ?? []) as unknown as Entry[];
export const named = (told: Told, mode?: string): string[] =>
  entriesOf(told)
    .filter(
      ({ resource, search }) =>
        resource.resourceType !== 'OperationOutcome' && (!mode || search?.mode === mode),
    )
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
    .sort();

/** Matches of all pages. */
export async function found(stack: Stack, caller: Caller, url: string): Promise<string[]> {
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

export const codes = ({ body }: Told): unknown[] =>
  ((body?.['issue'] ?? []) as JsonObject[]).map(({ code }) => code);
