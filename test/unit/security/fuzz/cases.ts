import type { Resource } from '../../../../src/fhir/types.ts';
import type { Rules } from './model.ts';
import { PATIENTS, type Random } from './world.ts';

/** How many questions are asked: `FICUS_RUNS=1500` for ten times as many. */
export const CASES = Math.round(100_000 * (Number(process.env['FICUS_RUNS'] ?? 150) / 150));

/** The seed of the first world; `FICUS_SEED=...` begins with the one that a failure names. */
export const FIRST_SEED = Number(process.env['FICUS_SEED'] ?? 1);

export const nameOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

/** Labels in half of the worlds, consents in a third. */
export function rulesOf(random: Random): Rules {
  return { labelled: random.chance(0.5), denied: random.chance(0.3) ? [random.pick(PATIENTS)] : [] };
}
