import { globSync, readFileSync } from 'node:fs';
import { parseCsv } from '../../../src/cli/official-tables.ts';

/** Folder of the v2-to-FHIR tables (https://github.com/HL7/v2-to-fhir), when the shared data are here. */
export const TABLES = process.env['FICUS_SHARED'] && `${process.env['FICUS_SHARED']}/data/hl7v2/v2-to-fhir-tables`;

/** A row of a concept map that has both codes. */
export interface ConceptRow {
  readonly legacy: string;
  readonly code: string;
  readonly system: string;
}

/** Rows of `MaritalStatus` and the like with a code on both sides. */
export function conceptRows(table: string): ConceptRow[] {
  return rowsOf(`codesystems/HL7 Concept Map_ ${table} - Sheet1.csv`)
    .slice(2)
    .map((cells) => ({ legacy: cells[0]?.trim() ?? '', code: cells[6]?.trim() ?? '', system: cells[9]?.trim() ?? '' }))
    .filter(({ legacy, code }) => legacy !== '' && code !== '');
}

/** Fields of a table, those without a FHIR target included. */
export function fieldsOf(table: string): string[] {
  const fields = rowsOf(`segments/HL7 Segment - FHIR R4_ ${table} - *.csv`).map((cells) => cells[1]?.trim() ?? '');
  return [...new Set(fields.filter((field) => /^[A-Z][A-Z0-9]{2}-\d+$/.test(field)))];
}

function rowsOf(pattern: string): string[][] {
  const quoted = pattern.replaceAll(/[[\]]/g, (bracket) => `[${bracket}]`);
  const [path] = globSync(`${TABLES}/${quoted}`);
  if (path === undefined) throw new Error(`no table ${pattern}`);
  return parseCsv(readFileSync(path, 'utf8'));
}
