import type { IdentityChange } from '../../../src/projection-ports.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { projection, readOf, update, type Projection } from './support.ts';

export const MRN = 'urn:oid:1.2.3';

export const patient = (id: string, mrn: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  active: true,
  identifier: [{ system: MRN, value: mrn }],
  ...more,
});
export const observation = (id: string, of: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${of}` },
});
export const merge = (from: string, into: string, type = 'Patient'): IdentityChange => ({
  kind: 'merge',
  type,
  from,
  into,
});
export const unmerge = (from: string, into: string): IdentityChange => ({
  kind: 'unmerge',
  type: 'Patient',
  from,
  into,
});
export const subjectOf = async (world: Projection, id: string) =>
  ((await readOf(world, 'Observation', id))['subject'] as { reference: string }).reference;
export const identifiersOf = (resource: Resource) => resource['identifier'];

/** Two patients with a result each. */
export function two() {
  const world = projection();
  world.apply({ changes: [update(patient('old', '1')), update(observation('o1', 'old'))] });
  world.apply({ changes: [update(patient('new', '2')), update(observation('o2', 'new'))] });
  return world;
}
