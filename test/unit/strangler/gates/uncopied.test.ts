import { describe, expect, it } from 'vitest';
import type { Route, Stage } from '../../../../src/ports.ts';
import { driftGate } from '../../../../src/strangler/gates/state-gates.ts';
import { uncopiedOf } from '../../../../src/strangler/gates/uncopied.ts';
import { HOUR, LIMITS, ROUTE, START } from './support.ts';

/** A version an hour, each a run of its own. */
const past = (stages: readonly Stage[], busy: readonly number[] = [1, 2, 3, 4, 5, 6]) => ({
  history: stages.map((stage, nth): Route => {
    const updatedAt = new Date(START + nth * HOUR).toISOString();
    return { ...ROUTE, endpoint: 'Appointment.create', stage, run: nth + 1, version: nth + 1, updatedAt };
  }),
  callsOf: (run: number) => (busy.includes(run) ? 7 : 0),
});
const back: readonly Stage[] = ['legacy', 'shadow', 'canary', 'legacy', 'shadow'];

describe('writes that were never copied', () => {
  it.each([
    ['before the first step forward', past(['legacy', 'shadow', 'canary']), undefined, undefined],
    ['after it went back to legacy', past(back), undefined, [3, 4]],
    ['after it went back, when nobody wrote', past(back, [1, 2, 3, 5]), undefined, undefined],
    ['while it is still there', past(['legacy', 'shadow', 'legacy']), undefined, undefined],
    ['after it went back to shadow alone', past(['legacy', 'shadow', 'canary', 'shadow']), undefined, undefined],
    ['and filled since', past(back), 4, undefined],
    ['and filled before the end of it', past(back), 3, [3, 4]],
    ['twice', past([...back, 'legacy', 'shadow']), undefined, [3, 6]],
    ['twice, filled in between', past([...back, 'legacy', 'shadow']), 4, [5, 6]],
  ] as const)('are those of legacy %s', (_name, one, filled, hours) => {
    const filledAt = filled === undefined ? undefined : START + filled * HOUR;
    const [from, to] = (hours ?? []).map((hour) => START + hour * HOUR);
    expect(uncopiedOf([one], filledAt)).toEqual(from === undefined ? undefined : { from, to });
  }); // prettier-ignore

  it('hold a step, however clean the drift report is', () => {
    const clean = { at: START + 5 * HOUR, checked: 9, differences: 0 };
    const uncopied = { from: START, to: START + HOUR };
    expect(driftGate(clean, LIMITS, START + 5 * HOUR, uncopied)).toMatchObject({
      verdict: 'fail',
      words:
        'Writes were accepted by legacy between 2026-03-01T08:00:00.000Z and 2026-03-01T09:00:00.000Z while nothing was copied; back-fill first (`ficus migrate backfill`).',
    });
    expect(driftGate(clean, LIMITS, START + 5 * HOUR).verdict).toBe('pass');
  });
});
