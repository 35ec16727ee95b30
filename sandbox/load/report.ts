/** Latencies in milliseconds, counted from when a request was due. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of the requests of one endpoint. */
export interface EndpointReport {
  readonly sent: number;
  /** HTTP status, or `no answer`. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly latencyMs: Latency;
}

/** A write that the API accepted. */
export interface AcceptedWrite {
  readonly endpoint: 'Appointment.create' | 'Appointment.update';
  /** The FHIR id. */
  readonly id: string;
  /** Value of the booking's own identifier: what both sides can be asked for. */
  readonly reference: string;
  readonly status: string;
  readonly servedBy: string;
}

export interface LoadReport {
  /** Seconds until the last request was sent. */
  readonly seconds: number;
  readonly sent: number;
  /** Requests that were answered, with whatever status. */
  readonly answered: number;
  /** No answer, or a status of 500 and over. */
  readonly failed: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** X-Served-By of the answers. */
  readonly byServedBy: Readonly<Record<string, number>>;
  /** What kept answers away: `ECONNREFUSED`, `timeout`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly latencyMs: Latency;
  readonly byEndpoint: Readonly<Record<string, EndpointReport>>;
  /** The sets of parameters of the searches: `code,date,patient`. */
  readonly shapes: readonly string[];
  /** How many different ones were asked for. */
  readonly patients: number;
  readonly accepted: readonly AcceptedWrite[];
  /** The furthest that the generator itself was behind its schedule, in milliseconds. */
  readonly lateMs: number;
}

/** One request, as it ended. */
export interface Outcome {
  readonly endpoint: string;
  readonly shape: string;
  readonly patient: string;
  readonly ms: number;
  readonly lateMs: number;
  readonly result: { readonly status: number; readonly servedBy: string } | { readonly error: string };
}

/** Adds up what happened. */
export function summarise(
  outcomes: readonly Outcome[],
  accepted: readonly AcceptedWrite[],
  seconds: number,
): LoadReport {
  const answers = outcomes.flatMap(({ result }) => ('status' in result ? [result] : []));
  const endpoints = Map.groupBy(outcomes, ({ endpoint }) => endpoint);
  return {
    seconds,
    sent: outcomes.length,
    answered: answers.length,
    failed: outcomes.filter(({ result }) => !('status' in result) || result.status >= 500).length,
    byStatus: tally(outcomes.map(statusOf)),
    byServedBy: tally(answers.map(({ servedBy }) => servedBy)),
    errors: tally(outcomes.flatMap(({ result }) => ('error' in result ? [result.error] : []))),
    latencyMs: latencyOf(outcomes),
    byEndpoint: Object.fromEntries(
      [...endpoints]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, list]): [string, EndpointReport] => [
          name,
          { sent: list.length, byStatus: tally(list.map(statusOf)), latencyMs: latencyOf(list) },
        ]),
    ),
    shapes: [...new Set(outcomes.map(({ shape }) => shape))].filter((shape) => shape !== '').toSorted(),
    patients: new Set(outcomes.map(({ patient }) => patient)).size,
    accepted,
    lateMs: outcomes.reduce((most, { lateMs }) => Math.max(most, lateMs), 0),
  };
}

function statusOf({ result }: Outcome): string {
  return 'status' in result ? String(result.status) : 'no answer';
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function latencyOf(outcomes: readonly Outcome[]): Latency {
  const sorted = Float64Array.from(outcomes, ({ ms }) => ms).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) };
}

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${name} × ${count}`)
    .join(', ');
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));

/** The report as lines for a terminal. */
export function formatReport(report: LoadReport): string {
  const { latencyMs: l } = report;
  const lines = [
    `${report.sent} requests in ${report.seconds.toFixed(0)} s: ${report.answered} answered, ${report.failed} failed`,
    `status       ${counts(report.byStatus)}`,
    `served by    ${counts(report.byServedBy)}`,
    `latency      p50 ${ms(l.p50)} ms, p90 ${ms(l.p90)}, p95 ${ms(l.p95)}, p99 ${ms(l.p99)}, most ${ms(l.max)} (from when a request was due)`,
    `asked        ${report.patients} patients, ${report.shapes.length} search shapes`,
  ];
  if (Object.keys(report.errors).length > 0) lines.push(`no answer    ${counts(report.errors)}`);
  if (report.accepted.length > 0) lines.push(`writes       ${report.accepted.length} accepted`);
  lines.push('');
  for (const [name, one] of Object.entries(report.byEndpoint)) {
    lines.push(
      `  ${name.padEnd(26)} ${String(one.sent).padStart(6)}   p50 ${ms(one.latencyMs.p50)} ms, p99 ${ms(one.latencyMs.p99)} ms   ${counts(one.byStatus)}`,
    );
  }
  return lines.join('\n');
}
