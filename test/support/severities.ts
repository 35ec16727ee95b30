import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { compileSeverities, type Severities } from '../../src/strangler/compare/severity.ts';

/** The table of severities that comes with Ficus. */
export function shippedSeverities(): Severities {
  return compileSeverities(
    parse(readFileSync(new URL('../../contracts/severity.yaml', import.meta.url), 'utf8')),
  );
}
