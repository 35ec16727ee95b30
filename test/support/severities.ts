import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { compileSeverities, type Severities } from '../../src/strangler/compare/severity.ts';

/** The table of severities that comes with Ficus, under those of a site. */
export function shippedSeverities(...sites: readonly unknown[]): Severities {
  const shipped = new URL('../../contracts/severity.yaml', import.meta.url);
  return compileSeverities(parse(readFileSync(shipped, 'utf8')), ...sites);
}
