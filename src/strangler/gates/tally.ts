import type { CallSeen, Comparison, Difference, Severity, Skipped } from '../../migration-ports.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Side } from '../../ports.ts';
import { createBoundedSet, remember } from './bounded-set.ts';
import type { BoundedSet } from './bounded-set.ts';
import { createHistogram, record } from './histogram.ts';
import type { Histogram } from './histogram.ts';

const DAY_MS = 86_400_000;
/** As many patients as a gate may ask for. */
const MOST_PATIENTS = 100_000;
const MOST_REQUESTS = 50_000;
const MOST_SIGNATURES = 1_000;
const MOST_DAYS = 400;
const SAMPLES_NAMED = 5;
/** Differences past the number of signatures that are told apart. */
export const OTHER_SIGNATURES = '(others)';

/** Comparisons of one source, by verdict; of those that differed, by their worst difference. */
export interface VerdictCounts {
  match: number;
  inFlight: number;
  readonly notComparable: Map<string, number>;
  readonly worst: Record<Severity, number>;
}

/** What the sequential test and parity are judged by. */
export interface Trials {
  count: number;
  critical: number;
  /** Worst difference: major. */
  major: number;
  /** Epoch milliseconds of the first and the newest. */
  first?: number;
  last?: number;
  /** Of the first that a client's request gave: what is replayed says nothing of the pace. */
  firstLive?: number;
}

/** Calls of one side on one path. */
export interface CallCounts {
  count: number;
  failed: number;
  /** Asked for a client because the other side had failed. */
  fellBack: number;
  first?: number;
  last?: number;
  /** Of calls that were answered. */
  readonly latency: Histogram;
}

/** One kind of difference, over all comparisons in which it was seen. */
export interface SignatureCount {
  readonly signature: string;
  readonly severity: Severity;
  readonly kind: Difference['kind'];
  readonly path: string;
  rule?: string;
  /** Comparisons in which it was seen. */
  count: number;
  /** In how many of them legacy differed from itself in the same way. */
  floor: number;
  readonly first: number;
  last: number;
  /** Ids of the newest sealed samples. */
  samples: string[];
}

export type Path = CallSeen['path'];

/**
 * All that was seen of one endpoint since its run began. Changed in place by `addCall`, `addComparison` and
 * `addSkipped` only.
 */
export interface Tally {
  readonly endpoint: Endpoint;
  readonly run: number;
  readonly verdicts: Readonly<Record<Comparison['source'], VerdictCounts>>;
  readonly trials: Trials;
  readonly patients: BoundedSet;
  readonly requests: BoundedSet;
  /** Requests that were replayed: each is a trial once. */
  readonly replayed: BoundedSet;
  readonly shapes: Map<string, { compared: number; last: number }>;
  /** By severity and signature. */
  readonly signatures: Map<string, SignatureCount>;
  readonly skipped: Map<Skipped, number>;
  readonly calls: Readonly<Record<Side, Readonly<Record<Path, CallCounts>>>>;
  /** By day of the epoch, in UTC: calls of clients, and trials that they gave; none of a replay. */
  readonly days: Map<number, { calls: number; trials: number }>;
}

export function createTally(endpoint: Endpoint, run: number): Tally {
  return {
    endpoint,
    run,
    verdicts: { live: noVerdicts(), replay: noVerdicts() },
    trials: { count: 0, critical: 0, major: 0 },
    patients: createBoundedSet(MOST_PATIENTS),
    requests: createBoundedSet(MOST_REQUESTS),
    replayed: createBoundedSet(MOST_REQUESTS),
    shapes: new Map(),
    signatures: new Map(),
    skipped: new Map(),
    calls: {
      legacy: { client: noCalls(), shadow: noCalls() },
      modern: { client: noCalls(), shadow: noCalls() },
    },
    days: new Map(),
  };
}

const noVerdicts = (): VerdictCounts => ({
  match: 0,
  inFlight: 0,
  notComparable: new Map(),
  worst: { critical: 0, major: 0, minor: 0, noise: 0 },
});

const noCalls = (): CallCounts => ({ count: 0, failed: 0, fellBack: 0, latency: createHistogram() });

/** Counts a call of a side. On the way of every request: it allocates nothing but once a day. */
export function addCall(tally: Tally, seen: CallSeen): void {
  const counts = tally.calls[seen.side][seen.path];
  counts.count += 1;
  counts.first ??= seen.at;
  counts.last = seen.at;
  if (seen.ok) record(counts.latency, seen.ms);
  else counts.failed += 1;
  if (seen.fellBack === true) counts.fellBack += 1;
  // A call that fell back is told twice, once for each side: it is one call.
  if (seen.path === 'client' && seen.fellBack !== true) dayOf(tally, seen.at).calls += 1;
}

/**
 * Counts a comparison. Only a match or a difference is a trial; a replayed request is one once a run, unless it is
 * critical again.
 */
export function addComparison(tally: Tally, seen: Comparison): void {
  const verdicts = tally.verdicts[seen.source];
  switch (seen.verdict) {
    case 'in-flight':
      verdicts.inFlight += 1;
      return;
    case 'not-comparable':
      countIn(verdicts.notComparable, seen.why ?? 'not said');
      return;
    case 'match':
    case 'different':
      break;
  }
  const worst = worstOf(seen.differences);
  if (worst === undefined) verdicts.match += 1;
  else verdicts.worst[worst] += 1;
  remember(tally.requests, seen.request);
  if (seen.patient !== undefined) remember(tally.patients, seen.patient);
  addDifferences(tally, seen);
  addTrial(tally, seen, worst);
}

function addTrial(tally: Tally, seen: Comparison, worst: Severity | undefined): void {
  const { trials } = tally;
  const grave = worst === 'critical' || worst === 'major';
  // What is replayed again tells nothing new, unless it is bad news.
  const counts = seen.source === 'live' || remember(tally.replayed, seen.request) || grave;
  trials.first ??= seen.at;
  trials.last = seen.at;
  const shape = tally.shapes.get(seen.shape);
  if (shape) {
    shape.compared += 1;
    shape.last = seen.at;
  } else tally.shapes.set(seen.shape, { compared: 1, last: seen.at });
  if (!counts) return;
  trials.count += 1;
  if (worst === 'critical') trials.critical += 1;
  if (worst === 'major') trials.major += 1;
  if (seen.source === 'replay') return;
  trials.firstLive ??= seen.at;
  dayOf(tally, seen.at).trials += 1;
}

/** Counts an answer that could have been compared and was not. */
export function addSkipped(tally: Tally, why: Skipped): void {
  countIn(tally.skipped, why);
}

const GRAVITY: readonly Severity[] = ['critical', 'major', 'minor', 'noise'];

function worstOf(differences: readonly Difference[]): Severity | undefined {
  return GRAVITY.find((severity) => differences.some((difference) => difference.severity === severity));
}

/** Thirty entries that differ in one way are one comparison with that difference. */
function addDifferences(tally: Tally, seen: Comparison): void {
  const told = new Set<string>();
  for (const difference of seen.differences) {
    const key = `${difference.severity} ${difference.signature}`;
    if (!told.has(key)) addDifference(tally, difference, seen);
    told.add(key);
  }
}

function addDifference(tally: Tally, difference: Difference, seen: Comparison): void {
  const { severity, kind } = difference;
  let { signature, path } = difference;
  let key = `${severity} ${signature}`;
  if (!tally.signatures.has(key) && tally.signatures.size >= MOST_SIGNATURES) {
    signature = OTHER_SIGNATURES;
    path = '';
    key = `${severity} ${signature}`;
  }
  let counts = tally.signatures.get(key);
  if (!counts) {
    counts = {
      signature,
      severity,
      kind,
      path,
      count: 0,
      floor: 0,
      first: seen.at,
      last: seen.at,
      samples: [],
    };
    tally.signatures.set(key, counts);
  }
  counts.count += 1;
  counts.last = seen.at;
  if (difference.rule !== undefined) counts.rule = difference.rule;
  if (seen.floor?.includes(difference.signature)) counts.floor += 1;
  if (seen.sample !== undefined && !counts.samples.includes(seen.sample)) {
    counts.samples = [...counts.samples, seen.sample].slice(-SAMPLES_NAMED);
  }
}

function dayOf(tally: Tally, at: number): { calls: number; trials: number } {
  const day = Math.floor(at / DAY_MS);
  const known = tally.days.get(day);
  if (known) return known;
  const made = { calls: 0, trials: 0 };
  tally.days.set(day, made);
  if (tally.days.size > MOST_DAYS) tally.days.delete(Math.min(...tally.days.keys()));
  return made;
}

function countIn<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
