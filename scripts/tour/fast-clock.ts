import { systemClock } from '../../src/clock.ts';
import type { Clock } from '../../src/ports.ts';

/** A clock that runs faster than the one on the wall. */
export interface FastClock extends Clock {
  /** Runs so many times as fast from now on; what was to call back is due by the new speed. */
  speed(factor: number): void;
}

interface Alarm {
  readonly due: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** @param factor above 0; it begins at the time of `base` */
export function createFastClock(factor: number, base: Clock = systemClock): FastClock {
  let rate = factor;
  let realFrom = base.now();
  let shownFrom = realFrom;
  const alarms = new Set<Alarm>();
  const now = (): number => shownFrom + (base.now() - realFrom) * rate;
  const arm = (alarm: Alarm): void => {
    const wait = Math.max(0, alarm.due - now()) / rate;
    alarm.cancel = base.after(wait, () => {
      alarms.delete(alarm);
      alarm.callback();
    });
  };
  return {
    now,
    after(ms, callback) {
      const alarm: Alarm = { due: now() + ms, callback, cancel: () => {} };
      alarms.add(alarm);
      arm(alarm);
      return () => {
        alarms.delete(alarm);
        alarm.cancel();
      };
    },
    speed(next) {
      shownFrom = now();
      realFrom = base.now();
      rate = next;
      for (const alarm of alarms) {
        alarm.cancel();
        arm(alarm);
      }
    },
  };
}
