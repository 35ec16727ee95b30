import type { Stage } from '../ports.ts';
import { STAGES } from './stage.ts';

/** What a way from one stage to another is: `forward` goes through gates, `back` never does, the others are refused. */
export type Way = 'forward' | 'back' | 'same' | 'skip' | 'final';

/** Every pair of stages, from the row to the column. */
export const TRANSITIONS: Readonly<Record<Stage, Readonly<Record<Stage, Way>>>> = {
  legacy: { legacy: 'same', shadow: 'forward', canary: 'skip', modern: 'skip', retired: 'skip' },
  shadow: { legacy: 'back', shadow: 'same', canary: 'forward', modern: 'skip', retired: 'skip' },
  canary: { legacy: 'back', shadow: 'back', canary: 'same', modern: 'forward', retired: 'skip' },
  modern: { legacy: 'back', shadow: 'back', canary: 'back', modern: 'same', retired: 'forward' },
  retired: { legacy: 'final', shadow: 'final', canary: 'final', modern: 'final', retired: 'same' },
};

/** The stage after one; undefined: it is the last. */
export function nextStage(stage: Stage): Stage | undefined {
  return STAGES[STAGES.indexOf(stage) + 1];
}

/** Why a way is refused, in words; undefined: it is allowed, forward through gates. */
export function refusalOf(from: Stage, to: Stage): string | undefined {
  const way = TRANSITIONS[from][to];
  if (way === 'same') return `it is at ${from} already`;
  if (way === 'final') return 'what is retired stays retired: its legacy side is off';
  if (way === 'skip')
    return `it goes forward one stage at a time, and after ${from} comes ${nextStage(from)}`;
  return undefined;
}
