import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runFile } from '../../../src/cli/map-run.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import type { RunContext } from '../../../src/mapping/run.ts';

const SHARED = process.env['FICUS_SHARED'];

/** An interface with an authority of its own: what its messages number without saying so is that authority's. */
const CONTEXT: RunContext = {
  authorities: [
    { name: 'MRN', namespaces: ['MRN', 'SIMULATOR MRN', 'ADT1'], system: 'https://mrn.example' },
    { name: 'HOSP', namespaces: ['HOSP'], oid: '1.2.3', system: 'urn:oid:1.2.3' },
  ],
  defaultAuthority: 'HOSP',
  timeZone: 'Europe/London',
};

/** As the identity Layer would: a key is no FHIR id. */
function withIds(resource: Json): Json {
  return JSON.parse(stringifyJson(resource).replaceAll(/(MRN|HOSP)\|(?:[^"\\]|\\.)*/g, 'x')) as Json;
}

/** Message types, and the least that their recorded messages make. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ADT: { Patient: 300, Encounter: 180, Condition: 25, AllergyIntolerance: 30, Coverage: 50, Account: 60 },
  SIU: { Appointment: 13 },
  MDM: { DocumentReference: 9 },
  PPR: { Condition: 8 },
  DFT: { ChargeItem: 6 },
};

describe(`recorded messages (${SHARED ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  const set = loadMappings('mappings');
  describe.each<{ readonly envelope?: string }>([{}, { envelope: 'kept' }])('with the facts %j', (facts) => {
    it.skipIf(!SHARED).each(Object.entries(EXPECTED))(
      'of type %s all read into valid resources with a key',
      (type, expected) => {
        const faults: string[] = [];
        const count: Record<string, number> = {};
        for (const path of globSync(`${SHARED}/data/hl7v2/corpus/**/*_${type}_*.hl7`)) {
          for (const { error, resources = [] } of runFile(set, path, { ...CONTEXT, facts: { ...facts } })) {
            // A header that is not of its charset is the listener's to refuse.
            const refused = facts.envelope !== undefined && error?.includes('does not decode') === true;
            if (error !== undefined && !refused) faults.push(`${path}: ${error}`);
            for (const { from, resource } of resources) {
              if (!resource) continue;
              count[resource.resourceType] = (count[resource.resourceType] ?? 0) + 1;
              const issues = validateResource(withIds(resource)).filter((issue) => issue.severity !== 'warning');
              if (issues.length > 0) faults.push(`${path} ${from} ${resource.resourceType}: ${JSON.stringify(issues)}`);
              if (resource.id === undefined && resource.resourceType !== 'Patient')
                faults.push(`${path} ${from} ${resource.resourceType}: no key`);
            }
          }
        }
        expect(faults).toEqual([]);
        for (const [resource, least] of Object.entries(expected))
          expect(count[resource], resource).toBeGreaterThanOrEqual(least);
      },
      120_000,
    );
  });
});
