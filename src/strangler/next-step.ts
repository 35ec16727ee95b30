import type { Route } from '../ports.ts';
import type { Position } from './gates/gate.ts';
import { nextStage } from './transition.ts';

/** Where a step forward leads, or why there is none, in words. */
export type NextStep = { readonly to: Position } | { readonly refusal: string };

/**
 * The step forward of a route: the next stage, and within canary the next percentage first.
 *
 * @param percentages through which a canary goes, in any order
 * @param percent wanted instead of the next of them
 */
export function nextStep(
  { stage, cohort }: Pick<Route, 'stage' | 'cohort'>,
  percentages: readonly number[],
  percent?: number,
): NextStep {
  const next = nextStage(stage);
  if (next === undefined) return { refusal: 'what is retired has come all the way' };
  if (next === 'retired')
    return { refusal: 'after modern it is retired, by two people: `ficus migrate retire`' };
  if (stage !== 'shadow' && stage !== 'canary') {
    return percent === undefined ? { to: { stage: next } } : { refusal: 'only a canary has a percentage' };
  }
  const now = stage === 'canary' ? (cohort?.percent ?? 0) : 0;
  if (percent !== undefined) {
    if (!(percent > 0 && percent <= 100)) return { refusal: 'a percentage is over 0 and at most 100' };
    if (percent > now) return { to: { stage: 'canary', percent } };
    return { refusal: `it is at ${now} % already; fewer are set by \`ficus migrate cohort\`` };
  }
  const wider = percentages.filter((one) => one > now);
  return wider.length === 0
    ? { to: { stage: 'modern' } }
    : { to: { stage: 'canary', percent: Math.min(...wider) } };
}
