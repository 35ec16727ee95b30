import { describe, expect, it } from 'vitest';
import { compileEndpoints } from '../../../../../adapters/hl7v2/source/endpoints.ts';
import { readMappingFiles } from '../../../../../src/config/mappings.ts';
import { compileMappings } from '../../../../../src/mapping/mapping-set.ts';

const FILES = readMappingFiles('mappings');
const CONTEXT = {
  authorities: [{ name: 'FICUS', namespaces: ['FICUS'], system: 'urn:oid:2.999.1.99' }],
  timeZone: 'UTC',
};

/** The mappings that come with Ficus, with one text of one interaction file changed. */
function changed(interaction: string, from: string, to: string): () => unknown {
  const set = compileMappings(
    FILES.map(({ path, text }) => {
      if (!path.endsWith(`hl7v2/interactions/${interaction}.yaml`)) return { path, text };
      expect(text).toContain(from);
      return { path, text: text.replace(from, to) };
    }),
  );
  return () => compileEndpoints(set, CONTEXT);
}

describe('interaction files of adapter hl7v2', () => {
  it('that come with Ficus compile', () => {
    const { all, searches, writes } = compileEndpoints(compileMappings(FILES), CONTEXT);
    expect([...all.keys()].toSorted()).toEqual([
      'Patient.create',
      'Patient.read',
      'Patient.search',
      'Patient.update',
      'ServiceRequest.create',
      'ServiceRequest.read',
    ]);
    expect([...searches.keys()]).toEqual(['Patient']);
    expect([...writes.keys()].toSorted()).toEqual([
      'Patient.create',
      'Patient.update',
      'ServiceRequest.create',
    ]);
  });

  it.each([
    ['Patient.read', '_id: {', 'identifier: {', '_id'],
    ['Patient.search', 'any: [family, given]', 'any: [family, prefix]', 'prefix'],
    ['Patient.create', 'authority: FICUS', 'authority: NOBODY', 'NOBODY'],
    ['Patient.update', 'by: Patient.read', 'by: Patient.search', 'Patient.search'],
    ['ServiceRequest.create', 'from: Patient.read', 'from: Person.read', 'Person.read'],
  ])('%s with %s changed to %s says what is not there', (interaction, from, to, named) => {
    expect(changed(interaction, from, to)).toThrow(named);
  });
});
