import { FicusError, toFicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { CallSeen, Comparison } from '../../migration-ports.ts';
import type { Clock, Logger, Route } from '../../ports.ts';
import { whereabouts } from '../step-words.ts';
import { createDetector } from './detector.ts';
import type { DetectorState } from './detector.ts';
import type { Tally } from './tally.ts';
import { exceeding, many, number } from './words.ts';

/** When a route goes back by itself: the section `migration.rollback` of the configuration. */
export interface RollbackLimits {
  readonly automatic: boolean;
  /** So many comparisons with a critical difference in a run send it back. */
  readonly criticals: number;
  /** Evidence that the share of failing modern calls, 0 to 1, is over this sends it back. */
  readonly errorRate: number;
  /** Chance of a false alarm about that, over a whole run. */
  readonly alpha: number;
}

/** How far a run has come on its way back. */
export type Alarm = 'none' | 'hold' | 'rollback';

/** What the watch remembers of a run; plain data, stored with the run. */
export interface WatchState {
  errors: DetectorState;
  /** The gravest alarm that was raised. */
  alarm: Alarm;
}

export interface Breach {
  readonly endpoint: Endpoint;
  readonly run: number;
  /** `Rolled back Observation.search from canary 10 % to shadow: error rate 4.1 % > 1.0 % over 312 calls`. */
  readonly words: string;
  /** The part after the colon. */
  readonly reason: string;
  /** ISO 8601 instant. */
  readonly at: string;
}

export interface WatchOptions {
  readonly limits: RollbackLimits;
  /** The route as it is now. */
  readonly route: (endpoint: Endpoint) => Route | undefined;
  /**
   * It does not go forward until somebody has looked. Once a run, and once more when it ought to go back and cannot;
   * what it rejects with is logged.
   */
  readonly onHold: (breach: Breach) => unknown;
  /** It goes back to shadow. Once a run; told again every second while it throws or rejects. */
  readonly onRollback: (breach: Breach) => unknown;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Watches canary and modern, within the call that is told to it. */
export interface Watch {
  start(): WatchState;
  call(state: WatchState, tally: Tally, seen: CallSeen): void;
  /** After `tally` has counted it. */
  compared(state: WatchState, tally: Tally, seen: Comparison): void;
  /** After a restart: what was reached before it is acted on. */
  resume(state: WatchState, tally: Tally): void;
}

/** A hold costs little: it is raised at a tenth of the certainty, and at half of the critical differences. */
const HOLD_TIMES_ALPHA = 10;
const RETRY_MS = 1_000;
/** So long nothing more is said of a roll back that goes on failing in the same way. */
const SAID_AGAIN_MS = 3_600_000;
/** Failures come in bursts: what one broken connection takes with it is an incident, and no rate yet. */
const LEAST_FAILURES = 5;

/**
 * Watches what was seen since a run began. Error rates are judged by a detector whose chance of ever being wrong in a
 * run is at most `alpha` (ten times that for a hold), critical differences by their number.
 */
export function createWatch(options: WatchOptions): Watch {
  const { limits, clock, log } = options;
  const detector = createDetector(limits.errorRate);
  const certain = 1 / limits.alpha;
  const suspected = Math.max(1, certain / HOLD_TIMES_ALPHA);
  /** Roll backs that could not be carried out: why, and when that was said. */
  const stuck = new WeakMap<WatchState, { readonly why: string; readonly at: number }>();

  function judge(state: WatchState, tally: Tally): void {
    const route = options.route(tally.endpoint);
    if (!route || route.run !== tally.run || !limits.automatic) return;
    if (route.stage !== 'canary' && route.stage !== 'modern') return;
    const found = alarmOf(state, tally);
    if (found.alarm === 'none' || found.alarm === state.alarm || state.alarm === 'rollback') return;
    raise(found.alarm, found.reason, state, tally, route);
  }

  function alarmOf(
    state: WatchState,
    { trials, signatures }: Tally,
  ): { readonly alarm: Alarm; readonly reason: string } {
    const { critical, count } = trials;
    if (critical > 0 && critical * 2 >= limits.criticals) {
      const worst = [...signatures.values()]
        .filter(({ severity }) => severity === 'critical')
        .toSorted((a, b) => b.count - a.count)[0];
      const named = worst ? ` (${worst.signature})` : '';
      const over = critical >= limits.criticals;
      const reason = `${many(critical, 'critical difference')}${named} in ${many(count, 'comparison')}, ${number(limits.criticals)} ${over ? 'is the limit' : 'would be too many'}`;
      if (over) return { alarm: 'rollback', reason };
      const errors = errorAlarm(state);
      return errors.alarm === 'rollback' ? errors : { alarm: 'hold', reason };
    }
    return errorAlarm(state);
  }

  function errorAlarm({ errors }: WatchState): { readonly alarm: Alarm; readonly reason: string } {
    const value = detector.eValue(errors);
    if (value < suspected) return { alarm: 'none', reason: '' };
    const { trials, failures } = detector.window(errors);
    const rate = exceeding(failures / trials, limits.errorRate);
    const over = `error rate ${rate} over ${many(trials, 'call')}`;
    const enough = limits.errorRate <= 0 || failures >= LEAST_FAILURES;
    if (value >= certain && enough) return { alarm: 'rollback', reason: over };
    return { alarm: 'hold', reason: `${over}, not yet certain` };
  }

  function raise(
    alarm: 'hold' | 'rollback',
    reason: string,
    state: WatchState,
    tally: Tally,
    route: Route,
  ): void {
    const { endpoint, run } = route;
    const where = whereabouts(route);
    const words =
      alarm === 'rollback'
        ? `Rolled back ${endpoint} from ${where} to shadow: ${reason}`
        : `Held ${endpoint} in ${where}: ${reason}`;
    const before = state.alarm;
    state.alarm = alarm;
    const breach = { endpoint, run, words, reason, at: new Date(clock.now()).toISOString() };
    if (!stuck.has(state))
      log.warn(alarm === 'rollback' ? 'automatic roll back' : 'automatic hold', { endpoint, reason });
    if (alarm === 'hold') {
      carryOut(
        () => options.onHold(breach),
        (error) => unheld(breach, error),
      );
      return;
    }
    const failed = (error: unknown): void => {
      sayStuck(state, route, breach, error);
      // A route that ought to go back is not left where it is.
      clock.after(RETRY_MS, () => {
        state.alarm = before;
        judge(state, tally);
      });
    };
    carryOut(() => options.onRollback(breach), failed);
  }

  function unheld({ endpoint, reason }: Breach, error: unknown): void {
    log.error('an automatic hold could not be carried out', { endpoint, reason, error });
  }

  /** Said once, when it changes, and rarely: it is tried every second. Whoever looks at the route sees it, too. */
  function sayStuck(state: WatchState, route: Route, breach: Breach, error: unknown): void {
    const { endpoint, reason } = breach;
    const why = toFicusError(error).message;
    const said = stuck.get(state);
    if (said?.why === why && clock.now() - said.at < SAID_AGAIN_MS) return;
    stuck.set(state, { why, at: clock.now() });
    log.error('an automatic rollback could not be carried out', { endpoint, reason, error });
    // What is refused will be refused again; anything else may pass.
    if (said?.why === why || !(error instanceof FicusError && error.code === 'unprocessable')) return;
    const words = `${endpoint} ought to go back from ${whereabouts(route)} to shadow (${reason}), and cannot: ${why}`;
    const held = { ...breach, words };
    carryOut(
      () => options.onHold(held),
      (failure) => unheld(held, failure),
    );
  }

  return {
    start: () => ({ errors: detector.start(), alarm: 'none' }),
    call(state, tally, seen) {
      // What the experiment asks has deadlines and budgets of its own; a client's call is what counts.
      if (seen.side !== 'modern' || seen.path !== 'client') return;
      detector.observe(state.errors, !seen.ok);
      // Only a failure can raise an alarm.
      if (!seen.ok) judge(state, tally);
    },
    compared(state, tally, seen) {
      if (seen.verdict === 'different' && seen.differences.some(({ severity }) => severity === 'critical'))
        judge(state, tally);
    },
    resume(state, tally) {
      if (state.errors.limit !== limits.errorRate) state.errors = detector.start();
      // Where a roll back was raised and the route is still there, it was not carried out.
      if (state.alarm === 'rollback') state.alarm = 'hold';
      judge(state, tally);
    },
  };
}

/** Does what may throw or reject. */
function carryOut(work: () => unknown, failed: (error: unknown) => void): void {
  try {
    const done = work();
    if (done instanceof Promise) done.catch(failed);
  } catch (error) {
    failed(error);
  }
}
