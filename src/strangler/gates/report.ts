import type { DifferenceRule, Owed } from '../../migration-ports.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Route, Side } from '../../ports.ts';
import { cohortInWords } from '../cohort.ts';
import { sizeOf } from './bounded-set.ts';
import type { ContractCheck } from './contract-check.ts';
import type { StepTaken } from './evidence-store.ts';
import type { GateReport } from './gate.ts';
import { quantile } from './histogram.ts';
import { historyRow } from './report-history.ts';
import type { HistoryRow } from './report-history.ts';
import { evidenceAgainst } from './sequential.ts';
import type { DriftSummary } from './state-gates.ts';
import type { CallCounts, Path, SignatureCount, Tally, VerdictCounts } from './tally.ts';
import type { Traffic } from './traffic.ts';
import { unknownsOf } from './unknowns.ts';
import type { Waiver } from './waiver.ts';
import { instant } from './words.ts';

/** Everything that an evidence pack is made of. */
export interface ReportInput {
  /** Every version of the route, oldest first. */
  readonly history: readonly Route[];
  /** What the gates say of the next step; absent: there is none. */
  readonly gates?: GateReport;
  /** Every run, oldest first. */
  readonly runs: readonly Tally[];
  readonly traffic: Traffic | undefined;
  readonly steps: readonly StepTaken[];
  readonly rules: readonly DifferenceRule[];
  readonly waivers: readonly Waiver[];
  readonly owed: Readonly<Record<Side, Owed>>;
  /** Writes delivered to each side, where that is counted. */
  readonly delivered?: Readonly<Record<Side, number>>;
  readonly drift: DriftSummary | undefined;
  readonly contract: ContractCheck | undefined;
  /** Chance of being wrong of one run, and the limit: `migration.gates`. */
  readonly limits: { readonly alpha: number; readonly criticalRate: number };
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface LatencyRow {
  readonly side: Side;
  readonly path: Path;
  readonly calls: number;
  readonly failed: number;
  readonly fellBack: number;
  /** Milliseconds, to within 2 %. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
}

export interface VerdictRow {
  readonly source: 'live' | 'replay';
  readonly match: number;
  readonly critical: number;
  readonly major: number;
  readonly minor: number;
  readonly noise: number;
  readonly inFlight: number;
  readonly notComparable: Readonly<Record<string, number>>;
}

/** One run in figures. */
export interface RunFigures {
  readonly run: number;
  /** ISO 8601 instants of the first and the newest comparison. */
  readonly first?: string;
  readonly last?: string;
  readonly trials: number;
  readonly critical: number;
  readonly major: number;
  /** The rate of critical differences is under this, but for a chance of `alpha`. */
  readonly criticalRateUnder: number;
  /** The chance that this is wrong. */
  readonly alpha: number;
  readonly patients: number;
  readonly requests: number;
  /** The two counts above are least ones. */
  readonly atLeast: boolean;
  readonly verdicts: readonly VerdictRow[];
  readonly skipped: Readonly<Record<string, number>>;
  readonly calls: readonly LatencyRow[];
  /** Search shapes compared, with how often. */
  readonly shapes: Readonly<Record<string, number>>;
  /** By day (UTC): calls of clients, and comparisons that they gave (none of a replay). */
  readonly days: readonly { readonly day: string; readonly calls: number; readonly comparisons: number }[];
  readonly signatures: readonly SignatureRow[];
}

export interface SignatureRow extends Omit<SignatureCount, 'first' | 'last'> {
  readonly first: string;
  readonly last: string;
  /** What somebody has said about it: verdict, owner, reason, expiry. */
  readonly ruled?: DifferenceRule;
}

/** What a change board asks for about one endpoint. No patient data is in it. */
export interface EvidencePack {
  readonly endpoint: Endpoint;
  /** ISO 8601 instant. */
  readonly at: string;
  /** Without its cohort, which may name patients. */
  readonly route: Omit<Route, 'cohort'>;
  /** Whom modern answers in canary, in words. */
  readonly cohort?: string;
  readonly history: readonly HistoryRow[];
  readonly gates?: GateReport;
  /** The route's run; absent: nothing was seen in it. */
  readonly current?: RunFigures;
  /** Of a retired endpoint, and where nothing was seen in the route's run: the run before it, which led to it. */
  readonly ledBy?: RunFigures;
  /** Oldest first. */
  readonly before: readonly RunFigures[];
  /** Runs so far, and the chance that the bound on critical differences was ever wrong in one of them. */
  readonly allRuns: { readonly count: number; readonly chanceOfBeingWrong: number };
  readonly shapes: readonly {
    readonly shape: string;
    readonly seen: number;
    readonly last: string;
    readonly compared: number;
  }[];
  readonly writes: {
    readonly owed: Readonly<Record<Side, Owed>>;
    readonly delivered?: Readonly<Record<Side, number>>;
  };
  readonly waivers: readonly (Waiver & { readonly inForce: boolean })[];
  readonly drift?: { readonly at: string; readonly checked: number; readonly differences: number };
  readonly contract?: Omit<ContractCheck, 'at'> & { readonly at: string };
  /** What none of this shows, in sentences. */
  readonly unknown: readonly string[];
}

/** Puts an evidence pack together: a function of its input. @throws RangeError when the route has no version */
export function evidencePack(input: ReportInput): EvidencePack {
  const { runs, rules, waivers, limits, now, drift, contract, delivered } = input;
  const route = input.history.at(-1);
  if (!route) throw new RangeError('a route has at least one version');
  const figures = runs.map((tally) => figuresOf(tally, rules, limits));
  const current = figures.find(({ run }) => run === route.run);
  const former = input.history.findLast(({ run }) => run !== route.run)?.run;
  const ledBy = figures.find(({ run }) => run === former);
  const { cohort, ...rest } = route;
  const pack: Omit<EvidencePack, 'unknown'> = {
    endpoint: route.endpoint,
    at: instant(now),
    route: rest,
    ...(cohort ? { cohort: cohortInWords(cohort) } : {}),
    history: input.history.map((version, index) =>
      historyRow(version, input.history[index - 1], input.steps),
    ),
    ...(input.gates ? { gates: input.gates } : {}),
    ...(current ? { current } : {}),
    ...(ledBy && (route.stage === 'retired' || !current) ? { ledBy } : {}),
    before: figures.filter(({ run }) => run !== route.run),
    allRuns: { count: runs.length, chanceOfBeingWrong: Math.min(1, runs.length * limits.alpha) },
    shapes: [...(input.traffic?.shapes ?? [])]
      .toSorted(([, a], [, b]) => b.seen - a.seen)
      .map(([shape, { seen, last }]) => ({
        shape,
        seen,
        last: instant(last),
        compared: current?.shapes[shape] ?? 0,
      })),
    writes: { owed: input.owed, ...(delivered ? { delivered } : {}) },
    waivers: waivers.map((waiver) => ({ ...waiver, inForce: isInForce(waiver, waivers, now) })),
    ...(drift ? { drift: { ...drift, at: instant(drift.at) } } : {}),
    ...(contract ? { contract: { ...contract, at: instant(contract.at) } } : {}),
  };
  return { ...pack, unknown: unknownsOf(pack) };
}

function isInForce(waiver: Waiver, waivers: readonly Waiver[], now: number): boolean {
  const newest = waivers.findLast(({ gate }) => gate === waiver.gate);
  return newest === waiver && Date.parse(waiver.until) > now;
}

function figuresOf(
  tally: Tally,
  rules: readonly DifferenceRule[],
  limits: ReportInput['limits'],
): RunFigures {
  const { trials, patients, requests } = tally;
  const { upperBound } = evidenceAgainst(trials.count, trials.critical, {
    limit: limits.criticalRate,
    alpha: limits.alpha,
  });
  return {
    run: tally.run,
    ...(trials.first === undefined ? {} : { first: instant(trials.first) }),
    ...(trials.last === undefined ? {} : { last: instant(trials.last) }),
    trials: trials.count,
    critical: trials.critical,
    major: trials.major,
    criticalRateUnder: upperBound,
    alpha: limits.alpha,
    patients: sizeOf(patients),
    requests: sizeOf(requests),
    atLeast: patients.full || requests.full,
    verdicts: (['live', 'replay'] as const).map((source) => verdictRow(source, tally.verdicts[source])),
    skipped: Object.fromEntries(tally.skipped),
    calls: (['legacy', 'modern'] as const).flatMap((side) =>
      (['client', 'shadow'] as const).map((path) => latencyRow(side, path, tally.calls[side][path])),
    ),
    shapes: Object.fromEntries([...tally.shapes].map(([shape, { compared }]) => [shape, compared])),
    days: [...tally.days]
      .toSorted(([a], [b]) => a - b)
      .map(([day, counts]) => ({
        day: instant(day * 86_400_000).slice(0, 10),
        calls: counts.calls,
        comparisons: counts.trials,
      })),
    signatures: signatureRows(tally, rules),
  };
}

function verdictRow(
  source: 'live' | 'replay',
  { match, worst, inFlight, notComparable }: VerdictCounts,
): VerdictRow {
  return { source, match, ...worst, inFlight, notComparable: Object.fromEntries(notComparable) };
}

function latencyRow(side: Side, path: Path, { count, failed, fellBack, latency }: CallCounts): LatencyRow {
  const row: LatencyRow = { side, path, calls: count, failed, fellBack };
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => rounded(quantile(latency, share)));
  return {
    ...row,
    ...(p50 === undefined ? {} : { p50 }),
    ...(p95 === undefined ? {} : { p95 }),
    ...(p99 === undefined ? {} : { p99 }),
  };
}

const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 10) / 10;

const GRAVITY = ['critical', 'major', 'minor', 'noise'];

function signatureRows({ signatures }: Tally, rules: readonly DifferenceRule[]): SignatureRow[] {
  return [...signatures.values()]
    .toSorted((a, b) => GRAVITY.indexOf(a.severity) - GRAVITY.indexOf(b.severity) || b.count - a.count)
    .map((counts) => {
      const ruled = rules.find(({ id, signature }) => id === counts.rule || signature === counts.signature);
      return {
        ...counts,
        first: instant(counts.first),
        last: instant(counts.last),
        ...(ruled ? { ruled } : {}),
      };
    });
}
