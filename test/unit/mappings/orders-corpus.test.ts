import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runFile } from '../../../src/cli/map-run.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { stringifyJson } from '../../../src/fhir/json.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import type { RunContext } from '../../../src/mapping/run.ts';

const SHARED = process.env['FICUS_SHARED'];
const CORPUS = `${SHARED}/data/hl7v2/corpus`;

/** The sender's own authority numbers what names none; once with nothing else registered, once with what many recorded messages use. */
const OWN = { name: 'OWN', namespaces: ['OWN'], system: 'https://own.example' };
const CONTEXTS: readonly RunContext[] = [
  { authorities: [OWN], timeZone: 'Europe/London', defaultAuthority: 'OWN' },
  {
    authorities: [
      OWN,
      { name: 'MRN', namespaces: ['MRN', 'LAB', 'EHR', 'HOSP', 'NIST EHR', 'NIST Lab Filler'], oid: '2.16.840.1.113883.3.72.5.20', system: 'https://mrn.example' },
    ],
    timeZone: 'Asia/Kolkata',
    defaultAuthority: 'OWN',
  },
];

const TYPES = /^(ORU|ORM|OML|OMP|OMG|RDE|RAS|VXU)(\^|$)/;

/** Paths of the realistic messages of these types, as the corpus' manifest tells them. */
function realistic(): string[] {
  const manifest = readFileSync(`${CORPUS}/manifest.jsonl`, 'utf8').split('\n').filter(Boolean);
  const entries = manifest.map((line) => JSON.parse(line) as { file: string; cls: string; type: string });
  return entries.filter(({ cls, type }) => cls === 'realistic' && TYPES.test(type)).map(({ file }) => `${CORPUS}/${file}`);
}

/** A recorded message whose visit ended before it began (PV1-44, PV1-45): its words stay as they are. */
const BACKWARDS = '0008_ORU_R01_25_9b87cc12.hl7';

/** As the identity Layer would: a key is no FHIR id. */
function withIds(resource: Json): Json {
  return JSON.parse(stringifyJson(resource).replaceAll(/(OWN|MRN)\|(?:[^"\\]|\\.)*/g, 'x')) as Json;
}

describe(`recorded orders and results (${SHARED ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.skipIf(!SHARED).each(CONTEXTS)(
    'all read into valid resources (%#)',
    (context) => {
      const set = loadMappings('mappings');
      const faults: string[] = [];
      const count: Record<string, number> = {};
      const paths = realistic();
      expect(paths.length).toBeGreaterThan(600);
      expect(globSync(`${CORPUS}/**/*.hl7`).length).toBeGreaterThan(paths.length);
      for (const path of paths) {
        for (const { type, error, resources = [] } of runFile(set, path, context)) {
          if (error !== undefined) faults.push(`${path}: ${error}`);
          for (const { from, resource } of resources) {
            if (!resource) continue;
            count[resource.resourceType] = (count[resource.resourceType] ?? 0) + 1;
            const issues = validateResource(withIds(resource)).filter(
              (issue) => issue.severity !== 'warning' && !(path.endsWith(BACKWARDS) && issue.expression?.[0] === 'Encounter.period'),
            );
            if (issues.length > 0) faults.push(`${path} ${type} ${from} ${resource.resourceType}: ${JSON.stringify(issues)}`);
          }
        }
      }
      expect(faults).toEqual([]);
      expect(count['Observation']).toBeGreaterThan(13_500);
      expect(count['DiagnosticReport']).toBeGreaterThan(800);
      expect(count['ServiceRequest']).toBeGreaterThan(500);
      expect(count['Specimen']).toBeGreaterThan(250);
      expect(count['Immunization']).toBeGreaterThan(150);
      expect(count['MedicationRequest']).toBeGreaterThan(25);
      expect(count['Binary']).toBeGreaterThan(20);
      expect(count['Provenance']).toBeGreaterThan(30);
    },
    300_000,
  );
});
