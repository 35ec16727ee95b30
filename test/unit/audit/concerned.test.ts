import { describe, expect, it } from 'vitest';
import { concernedBy } from '../../../src/audit/concerned.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { FhirRequest, FhirResponse } from '../../../src/ports.ts';

const reading = (id: string): FhirRequest => ({
  interaction: 'read',
  type: 'Patient',
  id,
  handling: 'strict',
});
const answer = (resource: Resource, headers: FhirResponse['headers'] = {}): FhirResponse => ({
  status: 200,
  headers,
  body: { kind: 'resource', resource },
  servedBy: 'legacy:core',
});
const linked = (own: string, other: string): Resource => ({
  resourceType: 'Patient',
  id: own,
  link: [{ other: { reference: `Patient/${other}` }, type: 'refer' }],
});

describe('whom a request and its answer concern', () => {
  it.each([
    ['the same', 'p1', 'p2', ['p1', 'p2']],
    ['one that is linked with it', 'p2', 'p1', ['p1', 'p2']],
    ['another', 'p2', 'p3', ['p1', 'p2', 'p3']],
  ])('is whom the request names first, though the answer is %s', (_what, own, other, patients) => {
    for (const resource of [linked(own, other), Object.freeze(linked(own, other))]) {
      expect(concernedBy(reading('p1'), answer(resource)).patients).toEqual(patients);
      expect(concernedBy(reading('p1'), answer(resource)).patients).toEqual(patients);
    }
  });

  it('is whom a create has made, too', () => {
    const create: FhirRequest = { interaction: 'create', type: 'Patient', handling: 'strict' };
    const made = answer(linked('p1', 'p2'), { location: 'Patient/p9/_history/1' });
    expect(concernedBy(create, made).patients).toEqual(['p9', 'p1', 'p2']);
  });

  it.each([[null], [5], [true], [['a']], [{}], ['no id'], ['']])(
    'is nobody where a client wrote %j for an id',
    (id) => {
      const resource = { resourceType: 'Patient', id } as unknown as Resource;
      const create: FhirRequest = { interaction: 'create', type: 'Patient', handling: 'strict', resource };
      expect(concernedBy(create).patients).toEqual([]);
      expect(concernedBy(create, answer({ resourceType: 'OperationOutcome' })).patients).toEqual([]);
    },
  );
});
