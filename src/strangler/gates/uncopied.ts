import type { Route } from '../../ports.ts';

/** A time in which legacy accepted writes of a type and nothing was copied to modern. Epoch milliseconds. */
export interface Uncopied {
  readonly from: number;
  readonly to: number;
}

/** What one write endpoint of the type has been through. */
export interface WritesPast {
  /** Every version of the route, oldest first. */
  readonly history: readonly Route[];
  /** Calls that legacy had for clients in a run. */
  readonly callsOf: (run: number) => number;
}

/**
 * When writes were made that the reconciler knows nothing of: a route had gone back to `legacy`, and went forward
 * again. What is copied later does not bring them; only a back-fill that was begun after them does.
 *
 * @param filledAt when the newest completed back-fill of the type began, in epoch milliseconds
 * @returns from the first such time to the end of the last one; undefined: none is left
 */
export function uncopiedOf(pasts: readonly WritesPast[], filledAt: number | undefined): Uncopied | undefined {
  const all = pasts.flatMap(periodsOf).filter(({ to }) => filledAt === undefined || filledAt < to);
  if (all.length === 0) return undefined;
  return { from: Math.min(...all.map(({ from }) => from)), to: Math.max(...all.map(({ to }) => to)) };
}

function periodsOf({ history, callsOf }: WritesPast): Uncopied[] {
  return history.flatMap((route, nth) => {
    const before = history[nth - 1];
    if (route.stage !== 'legacy' || !before || before.stage === 'legacy') return [];
    const rest = history.slice(nth);
    const end = rest.find(({ stage }) => stage !== 'legacy');
    if (!end) return [];
    const runs = new Set(rest.slice(0, rest.indexOf(end)).map(({ run }) => run));
    if (![...runs].some((run) => callsOf(run) > 0)) return [];
    return [{ from: Date.parse(route.updatedAt), to: Date.parse(end.updatedAt) }];
  });
}
