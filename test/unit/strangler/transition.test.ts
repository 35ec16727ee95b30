import { describe, expect, it } from 'vitest';
import type { Stage } from '../../../src/ports.ts';
import { STAGES } from '../../../src/strangler/stage.ts';
import { TRANSITIONS, nextStage, refusalOf } from '../../../src/strangler/transition.ts';
import type { Way } from '../../../src/strangler/transition.ts';

const RETIRED = 'what is retired stays retired: its legacy side is off';
const oneAtATime = (from: string, next: string) =>
  `it goes forward one stage at a time, and after ${from} comes ${next}`;

/** Every pair of stages: what it is, and why it is refused. */
const PAIRS: readonly (readonly [from: Stage, to: Stage, way: Way, refusal?: string])[] = [
  ['legacy', 'legacy', 'same', 'it is at legacy already'],
  ['legacy', 'shadow', 'forward'],
  ['legacy', 'canary', 'skip', oneAtATime('legacy', 'shadow')],
  ['legacy', 'modern', 'skip', oneAtATime('legacy', 'shadow')],
  ['legacy', 'retired', 'skip', oneAtATime('legacy', 'shadow')],
  ['shadow', 'legacy', 'back'],
  ['shadow', 'shadow', 'same', 'it is at shadow already'],
  ['shadow', 'canary', 'forward'],
  ['shadow', 'modern', 'skip', oneAtATime('shadow', 'canary')],
  ['shadow', 'retired', 'skip', oneAtATime('shadow', 'canary')],
  ['canary', 'legacy', 'back'],
  ['canary', 'shadow', 'back'],
  ['canary', 'canary', 'same', 'it is at canary already'],
  ['canary', 'modern', 'forward'],
  ['canary', 'retired', 'skip', oneAtATime('canary', 'modern')],
  ['modern', 'legacy', 'back'],
  ['modern', 'shadow', 'back'],
  ['modern', 'canary', 'back'],
  ['modern', 'modern', 'same', 'it is at modern already'],
  ['modern', 'retired', 'forward'],
  ['retired', 'legacy', 'final', RETIRED],
  ['retired', 'shadow', 'final', RETIRED],
  ['retired', 'canary', 'final', RETIRED],
  ['retired', 'modern', 'final', RETIRED],
  ['retired', 'retired', 'same', 'it is at retired already'],
];

describe('the ways between stages', () => {
  it('are said for every pair', () => {
    const said = new Set(PAIRS.map(([from, to]) => `${from} ${to}`));
    expect(said.size).toBe(STAGES.length ** 2);
    expect(PAIRS).toHaveLength(25);
  });

  for (const [from, to, way, refusal] of PAIRS) {
    it(`from ${from} to ${to}: ${way}`, () => {
      expect(TRANSITIONS[from][to]).toBe(way);
      expect(refusalOf(from, to)).toBe(refusal);
    });
  }

  it('lead through all stages, one after the other', () => {
    const way: Stage[] = ['legacy'];
    for (let next = nextStage('legacy'); next; next = nextStage(next)) way.push(next);
    expect(way).toEqual(['legacy', 'shadow', 'canary', 'modern', 'retired']);
  });
});
