import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runFile } from '../../../src/cli/map-run.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import type { RunContext } from '../../../src/mapping/run.ts';

const SHARED = process.env['FICUS_SHARED'];

/** Once with no authority known, once with the one that most recorded messages use. */
const CONTEXTS: readonly RunContext[] = [
  { authorities: [], timeZone: 'Europe/London' },
  {
    authorities: [{ name: 'MRN', namespaces: ['MRN', 'SIMULATOR MRN', 'ADT1', 'HOSP'], system: 'https://mrn.example' }],
    timeZone: 'Asia/Kolkata',
  },
];

/** As the identity Layer would: a key is no FHIR id. */
function withIds(resource: Json): Json {
  return JSON.parse(stringifyJson(resource).replaceAll(/MRN\|[^"]*/g, 'x')) as Json;
}

describe(`recorded ADT messages (${SHARED ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.skipIf(!SHARED).each(CONTEXTS)(
    'all read into valid resources (%#)',
    (context) => {
      const set = loadMappings('mappings');
      const faults: string[] = [];
      const count: Record<string, number> = {};
      for (const path of globSync(`${SHARED}/data/hl7v2/corpus/**/*_ADT_*.hl7`)) {
        for (const { type, error, resources = [] } of runFile(set, path, context)) {
          if (error !== undefined) faults.push(`${path}: ${error}`);
          for (const { from, resource } of resources) {
            if (!resource) continue;
            count[resource.resourceType] = (count[resource.resourceType] ?? 0) + 1;
            const issues = validateResource(withIds(resource)).filter((issue) => issue.severity !== 'warning');
            if (issues.length > 0) faults.push(`${path} ${type} ${from}: ${JSON.stringify(issues)}`);
          }
        }
      }
      expect(faults).toEqual([]);
      expect(count['Patient']).toBeGreaterThan(250);
      expect(count['Encounter']).toBeGreaterThan(150);
      expect(count['RelatedPerson']).toBeGreaterThan(30);
    },
    120_000,
  );
});
