import type { Clock } from '../../../../src/ports.ts';

/** A clock that stands still; its timers never go off. */
export function fixedClock(iso: string): Clock {
  return { now: () => Date.parse(iso), after: () => () => undefined };
}
