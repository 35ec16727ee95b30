import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { brokenLaws, describeCounterExample } from '../mapping/laws/broken.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import type { Clock } from '../ports.ts';

/** Trees tried for each map and law before a set may be used: about a second. `ficus map check` tries more. */
const RUNS = 10;

/**
 * Refuses mappings that lose or change anything on the round trip: laws 1 and 2 (docs/mapping.md), measured on
 * generated data.
 *
 * @throws Error with the counter-examples
 */
export function refuseLawless(mappings: MappingSet, clock: Clock): void {
  const today = new Date(clock.now()).toISOString().slice(0, 10);
  const broken = brokenLaws(mappings, { runs: RUNS, seed: 1, today });
  if (broken.length === 0) return;
  throw new Error(
    `The mappings break ${broken.length} law(s):\n${broken.map(describeCounterExample).join('\n')}`,
  );
}

/**
 * The same, once for each version of the mappings and day (waivers end on a day): what was found lawful is remembered
 * in the state folder.
 */
export function refuseLawlessOnce(mappings: MappingSet, clock: Clock, stateDir: string): void {
  const file = resolve(stateDir, 'mappings-found-lawful');
  const found = `${mappings.version} ${new Date(clock.now()).toISOString().slice(0, 10)}\n`;
  if (read(file) === found) return;
  refuseLawless(mappings, clock);
  writeFileSync(file, found);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
