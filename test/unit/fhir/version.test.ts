import { describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../../src/fhir/json.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { contentVersion, withContentVersion } from '../../../src/fhir/version.ts';
import { primitiveFault } from '../../../src/fhir/primitives.ts';
import { randomResource } from './random-resource.ts';

const patient: Resource = {
  resourceType: 'Patient',
  id: 'p',
  name: [{ family: 'A', given: ['B'] }],
  active: true,
};

describe('contentVersion', () => {
  it('is a FHIR id, the same for the same content', () => {
    const version = contentVersion(randomResource('Observation', 4));
    expect(version).toBe(contentVersion(randomResource('Observation', 4)));
    expect(primitiveFault('id', version)).toBeUndefined();
  });

  it('does not depend on the order of members, nor on members that are undefined', () => {
    const { resourceType, id, name, active } = patient;
    const shuffled = {
      active,
      gender: undefined,
      name: [{ given: ['B'], family: 'A' }],
      id,
      resourceType,
    } as Resource;
    expect(contentVersion(shuffled)).toBe(
      contentVersion({ resourceType, ...(id ? { id } : {}), name, active }),
    );
  });

  it('leaves out the version and the time of the last update, and nothing else of meta', () => {
    const version = contentVersion(patient);
    expect(
      contentVersion({ ...patient, meta: { versionId: '9', lastUpdated: '2024-01-01T00:00:00Z' } }),
    ).toBe(version);
    expect(contentVersion({ ...patient, meta: { tag: [{ code: 'x' }] } })).not.toBe(version);
  });

  it.each([
    ['a value', { ...patient, active: false }],
    ['a type of value', { ...patient, active: 'true' }],
    ['the order of a list', { ...patient, name: [{ family: 'B', given: ['A'] }] }],
    ['where one string ends and the next begins', { ...patient, name: [{ family: 'A', given: ['B"', ''] }] }],
    ['one list less', { ...patient, name: [{ family: 'A', given: 'B' }] }],
    ['null', { ...patient, name: null }],
  ])('sees %s change', (_what, other) => {
    expect(contentVersion(other)).not.toBe(contentVersion(patient));
  });

  it('tells 1.0 from 1.00', () => {
    const versions = ['1.0', '1.00', '1'].map((digits) =>
      contentVersion(
        parseJson(`{"resourceType":"Observation","valueQuantity":{"value":${digits}}}`) as Resource,
      ),
    );
    expect(new Set(versions).size).toBe(3);
  });
});

describe('withContentVersion', () => {
  const withSource: Resource = { ...patient, meta: { source: 'urn:x' } };

  it('says the same version in meta and in the ETag', () => {
    const { resource, etag } = withContentVersion({
      ...patient,
      meta: { source: 'urn:x', versionId: 'old' },
    });
    expect(resource['meta']).toEqual({ source: 'urn:x', versionId: contentVersion(withSource) });
    expect(etag).toBe(`W/"${contentVersion(withSource)}"`);
    expect(stringifyJson(resource)).toMatch(/^\{"resourceType":"Patient","id":"p","meta":/);
  });
});
