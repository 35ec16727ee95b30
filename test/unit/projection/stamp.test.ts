import { expect, test } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { stampedText } from '../../../src/projection/content.ts';

const UPDATED = '2026-11-23T12:00:00.000Z';

test.each<Resource>([
  { resourceType: 'Patient', id: 'p1' },
  { resourceType: 'Patient', id: 'p1', active: true, name: [{ family: '"},{"\\' }] },
  { resourceType: 'Patient', id: 'a"b', active: true },
  { resourceType: 'Patient', id: 'a","active":false,"x":"', active: true },
  { resourceType: 'Patient', id: 'a\\nb\n\ud800', active: true },
  { resourceType: 'Patient', active: true },
  { resourceType: 'Patient', id: 'p1', meta: { profile: ['x'], versionId: '7' }, active: true },
  { resourceType: 'Patient', active: true, id: 'p1' },
])('the stamp stands behind the id, and the rest is as it was: %j', (resource) => {
  const { resourceType, id, meta, ...rest } = resource;
  const { profile } = (meta ?? {}) as { readonly profile?: string[] };
  const stamp = { versionId: '3', lastUpdated: UPDATED, ...(profile ? { profile } : {}) };
  expect(stampedText(resource, 3, UPDATED)).toBe(JSON.stringify({ resourceType, id, meta: stamp, ...rest }));
});
