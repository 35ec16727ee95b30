import { isWrite } from './gates.ts';
import type { HistoryRow } from './report-history.ts';
import type { EvidencePack, LatencyRow, RunFigures, SignatureRow } from './report.ts';
import { cell, table } from './markdown.ts';
import { many, milliseconds, number, percent, percentAtMost, position } from './words.ts';

/** An evidence pack as Markdown: the same data, for people. */
export function packMarkdown(pack: EvidencePack): string {
  const sections = [
    head(pack),
    gates(pack),
    unknown(pack),
    history(pack.history),
    pack.current
      ? run(pack, pack.current, '## Evidence of this run')
      : '## Evidence of this run\n\nNothing was seen in it yet.',
    pack.ledBy ? run(pack, pack.ledBy, `## Evidence of the run that led to it (run ${pack.ledBy.run})`) : '',
    shapes(pack),
    writes(pack),
    waivers(pack),
    before(pack),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function head({ endpoint, at, route, cohort, allRuns }: EvidencePack): string {
  const { owners, hold, retirement } = route;
  const lines = [
    `# ${endpoint}: evidence`,
    '',
    `As of ${at}. Instants are UTC. No patient data is in this document, unless somebody wrote it as a reason.`,
    '',
    ...table(
      ['what', 'value'],
      [
        ['stage', `${where(route.stage, cohort)} since ${route.since}`],
        ['legacy side', route.legacy ?? 'none'],
        ['modern side', route.modern ?? 'none'],
        ['technical owner', owners?.technical ?? 'none'],
        ['clinical owner', owners?.clinical ?? 'none'],
        ['held', hold ? `by ${hold.by} since ${hold.at}: ${hold.reason}` : 'no'],
        ...(retirement
          ? [['retirement', `first approval by ${retirement.by}, ${retirement.at}: ${retirement.reason}`]]
          : []),
        ['run', `${route.run}; evidence of ${many(allRuns.count, 'run')} is kept`],
      ],
    ),
  ];
  return lines.join('\n');
}

/** A stage, and in canary of whom. */
const where = (stage: string, cohort: string | undefined): string =>
  stage === 'canary' && cohort !== undefined ? `canary ${cohort}` : stage;

function unknown({ unknown: sentences }: EvidencePack): string {
  return ['## What this does not show', '', ...sentences.map((one) => `- ${cell(one)}`)].join('\n');
}

function gates({ gates: report }: EvidencePack): string {
  if (!report) return '## Next step\n\nThere is none.';
  const verdict = report.open
    ? 'Nothing holds it back.'
    : `Held back by ${many(report.blocking.length, 'gate')}.`;
  return [
    `## Next step: ${position(report.from)} to ${position(report.to)}`,
    '',
    verdict,
    '',
    ...table(
      ['gate', 'verdict', 'asked for', 'measured', 'on', 'in words'],
      report.gates.map((gate) => [
        gate.name,
        gate.verdict,
        gate.threshold,
        gate.value,
        gate.evidence,
        gate.words,
      ]),
    ),
  ].join('\n');
}

function history(rows: readonly HistoryRow[]): string {
  return [
    '## Stages',
    '',
    ...table(
      ['when', 'who', 'what', 'run', 'why', 'with which evidence'],
      rows.map((row, index) => [
        row.at,
        row.by,
        stepInWords(row, rows[index - 1]),
        String(row.run),
        row.reason,
        row.evidence?.map(({ gate, verdict, value }) => `${gate}: ${verdict} (${value})`).join('; ') ?? '',
      ]),
    ),
  ].join('\n');
}

function stepInWords({ from, to, step, cohort }: HistoryRow, before: HistoryRow | undefined): string {
  if (step === 'cohort changed') return `${step} to ${cohort ?? 'nobody'}`;
  const now = where(to.stage, cohort);
  return step ?? (from ? `${where(from.stage, before?.cohort)} to ${now}` : now);
}

function run({ endpoint }: EvidencePack, figures: RunFigures, title: string): string {
  return [
    title,
    '',
    ...(isWrite(endpoint)
      ? ['Answers to writes are not compared.', '']
      : [comparisons(figures), '', ...verdicts(figures), '']),
    ...calls(figures),
    ...(isWrite(endpoint) ? [] : differences(figures)),
    '',
    '### Days',
    '',
    ...table(
      ['day', 'calls of clients', 'comparisons of them'],
      figures.days.map((day) => [day.day, number(day.calls), number(day.comparisons)]),
    ),
  ].join('\n');
}

function comparisons(figures: RunFigures): string {
  if (figures.first === undefined)
    return 'No comparison yet: nothing is known of the rate of critical differences.';
  const least = figures.atLeast ? 'at least ' : '';
  const unconfirmed = figures.verdicts.reduce((sum, it) => sum + (it.notComparable['unconfirmed'] ?? 0), 0);
  const all = figures.trials + unconfirmed;
  const alike = figures.trials - figures.critical - figures.major;
  return [
    `${many(figures.trials, 'comparison')} from ${figures.first} to ${figures.last}.`,
    ...(all === 0 ? [] : [`Parity ${percent(alike / all)}.`]),
    `The rate of critical differences is under ${percentAtMost(figures.criticalRateUnder)} (chance of being wrong ${percent(figures.alpha)}).`,
    `They concern ${least}${many(figures.patients, 'patient')} and ${least}${many(figures.requests, 'different request')}.`,
  ].join(' ');
}

function verdicts(figures: RunFigures): string[] {
  return [
    ...table(
      ['source', 'match', 'critical', 'major', 'minor', 'noise', 'in flight', 'not comparable'],
      figures.verdicts.map((row) => [
        row.source,
        ...[row.match, row.critical, row.major, row.minor, row.noise, row.inFlight].map(number),
        counted(row.notComparable),
      ]),
    ),
    '',
    `Requests that were not compared, by why: ${counted(figures.skipped)}.`,
  ];
}

function calls(figures: RunFigures): string[] {
  return [
    '### Calls and latency',
    '',
    ...table(
      ['side', 'for', 'calls', 'failed', 'fell back', 'p50', 'p95', 'p99'],
      figures.calls.map(latency),
    ),
  ];
}

function differences(figures: RunFigures): string[] {
  return [
    '',
    '### Differences',
    '',
    ...(figures.signatures.length === 0
      ? ['None.']
      : table(
          ['severity', 'signature', 'comparisons', 'legacy with itself', 'first', 'last', 'rule'],
          figures.signatures.map(signature),
        )),
  ];
}

function latency(row: LatencyRow): string[] {
  const ms = [row.p50, row.p95, row.p99].map((it) => (it === undefined ? '' : milliseconds(it)));
  return [
    row.side,
    row.path === 'client' ? 'clients' : 'comparison',
    number(row.calls),
    number(row.failed),
    number(row.fellBack),
    ...ms,
  ];
}

function signature(row: SignatureRow): string[] {
  const { ruled } = row;
  const rule = ruled
    ? `${ruled.verdict}, ${ruled.owner}, until ${ruled.expiresAt}: ${ruled.reason} (${ruled.by})`
    : (row.rule ?? '');
  return [row.severity, row.signature, number(row.count), number(row.floor), row.first, row.last, rule];
}

function shapes({ shapes: seen }: EvidencePack): string {
  if (seen.length === 0) return '';
  return [
    '## What clients ask',
    '',
    ...table(
      ['shape', 'calls', 'last', 'compared in this run'],
      seen.map((row) => [
        row.shape === '' ? '(no parameters)' : row.shape,
        number(row.seen),
        row.last,
        number(row.compared),
      ]),
    ),
  ].join('\n');
}

function writes({ writes: { owed, delivered }, drift, contract }: EvidencePack): string {
  const lines = [
    '## Both sides',
    '',
    ...table(
      ['side', 'delivered', 'owed', 'dead', 'oldest'],
      (['legacy', 'modern'] as const).map((side) => [
        side,
        delivered ? number(delivered[side]) : 'not counted',
        number(owed[side].count),
        number(owed[side].dead),
        `${number(owed[side].oldestMs / 1000)} s`,
      ]),
    ),
    '',
    drift
      ? `Drift: ${many(drift.differences, 'difference')} in ${many(drift.checked, 'resource')}, ${drift.at}.`
      : 'Drift: not checked.',
    '',
    contract
      ? `Contract tests of ${contract.backend}: ${number(contract.passed)} passed, ${number(contract.failed.length)} failed, ${contract.at}.`
      : 'Contract tests: not run.',
    ...(contract?.failed.map(({ name, words }) => `- ${cell(name)}: ${cell(words)}`) ?? []),
  ];
  return lines.join('\n');
}

function waivers({ waivers: given }: EvidencePack): string {
  if (given.length === 0) return '## Waivers\n\nNone.';
  return [
    '## Waivers',
    '',
    ...table(
      ['gate', 'by', 'given', 'until', 'why', 'in force'],
      given.map((it) => [it.gate, it.by, it.at, it.until, it.reason, it.inForce ? 'yes' : 'no']),
    ),
  ].join('\n');
}

function before({ endpoint, before: runs, allRuns }: EvidencePack): string {
  if (runs.length === 0) return '';
  if (isWrite(endpoint))
    return ['## Runs before', '', ...table(['run', 'calls of clients', 'failed'], runs.map(answered))].join(
      '\n',
    );
  return [
    '## Runs before',
    '',
    `A run judges itself alone. The chance that the bound on critical differences was wrong in any of ${many(allRuns.count, 'run')} is at most ${percent(allRuns.chanceOfBeingWrong)}.`,
    '',
    ...table(
      ['run', 'first', 'last', 'comparisons', 'critical', 'major', 'critical rate under'],
      runs.map((it) => [
        String(it.run),
        it.first ?? '',
        it.last ?? '',
        number(it.trials),
        number(it.critical),
        number(it.major),
        it.trials === 0 ? '' : percentAtMost(it.criticalRateUnder),
      ]),
    ),
  ].join('\n');
}

function answered({ run: nth, calls: rows }: RunFigures): string[] {
  const clients = rows.filter(({ path }) => path === 'client');
  const sum = (of: (row: LatencyRow) => number): string =>
    number(clients.reduce((all, row) => all + of(row), 0));
  return [String(nth), sum((row) => row.calls), sum((row) => row.failed)];
}

function counted(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).map(([why, count]) => `${why} ${number(count)}`);
  return all.length === 0 ? 'none' : all.join(', ');
}
