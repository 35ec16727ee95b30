import type { Route, Side } from '../../ports.ts';
import type { Gate } from './gate.ts';
import { createHistogram, merge, quantile } from './histogram.ts';
import type { Histogram } from './histogram.ts';
import type { GateLimits } from './limits.ts';
import { expected, staleAfter } from './pace.ts';
import type { Tally } from './tally.ts';
import type { Traffic } from './traffic.ts';
import { exceeding, instant, many, milliseconds, number, percent, roughly } from './words.ts';

const DAY_MS = 86_400_000;
/** A shape that nobody has used for so long is history: month ends and year ends are within it. */
const LONG_TAIL_DAYS = 400;

/** What the gates over calls look at. */
export interface Called {
  readonly route: Route;
  /** undefined: nothing was seen since the run began. */
  readonly tally: Tally | undefined;
  readonly traffic: Traffic | undefined;
  readonly limits: GateLimits;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** What a side answered on all paths. */
export function latencyOf(tally: Tally | undefined, side: Side): Histogram {
  const sum = createHistogram();
  if (tally) for (const path of ['client', 'shadow'] as const) merge(sum, tally.calls[side][path].latency);
  return sum;
}

/** Calls of a side on all paths. */
export function callsOf(
  tally: Tally | undefined,
  side: Side,
): { readonly count: number; readonly failed: number } {
  const paths = tally ? Object.values(tally.calls[side]) : [];
  return {
    count: paths.reduce((sum, { count }) => sum + count, 0),
    failed: paths.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** Modern's p95 against legacy's. */
export function latencyGate(called: Called): Gate {
  const { tally, limits, now } = called;
  const [legacy, modern] = [latencyOf(tally, 'legacy'), latencyOf(tally, 'modern')];
  const [before, after] = [quantile(legacy, 0.95), quantile(modern, 0.95)];
  const base = {
    name: 'latency',
    threshold: `p95 at most ${limits.latencyFactor} times legacy’s, or ${number(limits.latencySlackMs)} ms over it`,
    value: `${after === undefined ? 'unknown' : milliseconds(after)} against ${before === undefined ? 'unknown' : milliseconds(before)}`,
    evidence: `${many(modern.count, 'answer')} of modern, ${number(legacy.count)} of legacy`,
    figures: {
      modernAnswers: modern.count,
      legacyAnswers: legacy.count,
      ...(after === undefined ? {} : { modernP95: after }),
      ...(before === undefined ? {} : { legacyP95: before }),
    },
  } as const;
  const missing = limits.minCalls - Math.min(legacy.count, modern.count);
  if (missing > 0 || before === undefined || after === undefined) {
    const which = modern.count <= legacy.count ? 'modern' : 'legacy';
    const when = tally
      ? `${expected(missing, tally, 'calls', now)}, if all of them are asked of both`
      : 'no call yet';
    return {
      ...base,
      verdict: 'insufficient',
      words: `${many(missing, 'more answer')} of ${which} needed: ${when}.`,
    };
  }
  const allowed = Math.max(before * limits.latencyFactor, before + limits.latencySlackMs);
  if (after > allowed) {
    const words = `Modern’s p95 is ${milliseconds(after)}; beside legacy’s ${milliseconds(before)} it may be ${milliseconds(allowed)}.`;
    return { ...base, verdict: 'fail', words };
  }
  const words = `Modern’s p95 is ${milliseconds(after)}, legacy’s ${milliseconds(before)}.`;
  return fresh(called, { ...base, verdict: 'pass', words });
}

/** The share of modern calls that fail technically. */
export function errorsGate(called: Called): Gate {
  const { tally, limits, now } = called;
  const { count, failed } = callsOf(tally, 'modern');
  const legacy = callsOf(tally, 'legacy');
  const share = count === 0 ? 0 : failed / count;
  const base = {
    name: 'errors',
    threshold: `at most ${percent(limits.errorRate)} of ${many(limits.minCalls, 'call')} or more`,
    value: count === 0 ? 'no call' : `${percent(share)} of ${number(count)}`,
    evidence: `${many(count, 'call')} of modern, ${number(failed)} failed; of legacy ${number(legacy.count)}, ${number(legacy.failed)} failed`,
    figures: { calls: count, failed, rate: share, legacyCalls: legacy.count, legacyFailed: legacy.failed },
  } as const;
  if (failed > limits.errorRate * Math.max(count, limits.minCalls) + 1e-9) {
    const words =
      share > limits.errorRate
        ? `Error rate of modern ${exceeding(share, limits.errorRate)} over ${many(count, 'call')}.`
        : `${many(failed, 'call')} of modern failed.`;
    return { ...base, verdict: 'fail', words };
  }
  const missing = limits.minCalls - count;
  if (missing > 0) {
    const when = tally ? expected(missing, tally, 'calls', now) : 'no call yet';
    const words = `${many(missing, 'more call')} of modern needed: ${when}${tally ? ', if all of them reach it' : ''}.`;
    return { ...base, verdict: 'insufficient', words };
  }
  const words = `${percent(share)} of ${many(count, 'call')} of modern failed.`;
  return fresh(called, { ...base, verdict: 'pass', words });
}

/** Enough calls of clients were seen in this run; of writes, which nothing compares. */
export function callsGate(called: Called): Gate {
  const { tally, limits, now } = called;
  const answered = tally ? [tally.calls.legacy.client, tally.calls.modern.client] : [];
  const count = answered.reduce((sum, it) => sum + it.count - it.failed, 0);
  const base = {
    name: 'calls',
    threshold: `${number(limits.minCalls)} or more`,
    value: number(count),
    evidence: `${many(count, 'answered write')} since the run began`,
    figures: { calls: count },
  } as const;
  const missing = limits.minCalls - count;
  if (missing > 0) {
    const when = tally && count > 0 ? expected(missing, tally, 'calls', now) : 'none was seen yet';
    return { ...base, verdict: 'insufficient', words: `${many(missing, 'more write')} needed: ${when}.` };
  }
  return fresh(called, { ...base, verdict: 'pass', words: `${many(count, 'write')} answered in this run.` });
}

/** Long enough in `modern` without a client's call that reached legacy. */
export function legacyCallsGate({ route, traffic, limits, now }: Called): Gate {
  const entered = route.stage === 'modern' ? Date.parse(route.since) : now;
  const last = traffic?.lastAsked.legacy;
  const quietSince = Math.max(entered, last ?? 0);
  const days = (now - quietSince) / DAY_MS;
  const called = last !== undefined && last > entered;
  const base = {
    name: 'legacy-calls',
    threshold: `${many(limits.retireDays, 'day')} in modern without a call to legacy`,
    value: many(Math.floor(days), 'day'),
    evidence: `in modern since ${route.since}; legacy last asked for a client ${last === undefined ? 'never' : instant(last)}`,
    figures: { days },
  } as const;
  if (traffic === undefined)
    return { ...base, verdict: 'insufficient', words: 'Nobody has watched who calls legacy.' };
  if (days < limits.retireDays) {
    const left = roughly((limits.retireDays - days) * DAY_MS);
    const words = called
      ? `Legacy was asked for a client ${instant(last)}; without another call it takes ${left}.`
      : `It takes ${left} more.`;
    return { ...base, verdict: called ? 'fail' : 'insufficient', words };
  }
  return {
    ...base,
    verdict: 'pass',
    words: `No client’s call has reached legacy for ${many(Math.floor(days), 'day')}.`,
  };
}

/** Every shape that was ever used, of the month-end job too, has been answered by modern in its stage. */
export function longTailGate({ route, traffic, now }: Called): Gate {
  const entered = Date.parse(route.since);
  const seen = [...(traffic?.shapes ?? [])].filter(([, { last }]) => last >= now - LONG_TAIL_DAYS * DAY_MS);
  const missing = seen.filter(([, { modern }]) => modern === undefined || modern < entered);
  const base = {
    name: 'long-tail',
    threshold: `every shape seen in ${LONG_TAIL_DAYS} days answered by modern in its stage`,
    value: `${number(seen.length - missing.length)} of ${number(seen.length)}`,
    evidence:
      traffic?.first === undefined
        ? 'no call of a client'
        : `calls of clients since ${instant(traffic.first)}`,
    figures: { seen: seen.length, answered: seen.length - missing.length },
  } as const;
  if (seen.length === 0)
    return { ...base, verdict: 'insufficient', words: 'No call of a client was seen yet.' };
  if (missing.length > 0) {
    const names = missing
      .slice(0, 5)
      .map(([shape, { last }]) => `${shape === '' ? 'no parameters' : shape} (last used ${instant(last)})`);
    const more = missing.length > names.length ? ` and ${number(missing.length - names.length)} more` : '';
    const words = `Not yet answered by modern since ${route.since}: ${names.join('; ')}${more}.`;
    return { ...base, verdict: 'insufficient', words };
  }
  if (traffic?.untold !== undefined)
    return {
      ...base,
      verdict: 'insufficient',
      words: 'There are more shapes than are told apart; whether all were answered is not known.',
    };
  return { ...base, verdict: 'pass', words: `All ${many(seen.length, 'shape')} answered by modern.` };
}

/** A pass that nothing newer supports is stale. */
function fresh({ tally, limits, now }: Called, passed: Gate): Gate {
  if (!tally) return passed;
  const { legacy, modern } = tally.calls;
  const watched = passed.name === 'calls' ? [legacy.client, modern.client] : [modern.client, modern.shadow];
  const last = Math.max(...watched.map((counts) => counts.last ?? 0));
  const limit = staleAfter(tally, limits.staleMinutes);
  if (now - last <= limit) return passed;
  const words = `No call for ${roughly(now - last).replace('about ', '')}; after ${roughly(limit).replace('about ', '')} evidence is stale. Before that: ${passed.words}`;
  return { ...passed, verdict: 'stale', words };
}
