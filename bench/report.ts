import type { Row } from './harness.ts';

/** Where and when a bench ran. */
export interface Circumstances {
  /** ISO 8601 date. */
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  /** Names and versions of what was measured beside ours. */
  readonly packages: readonly string[];
  /** Of the process that ran the bench. */
  readonly peakMb: number;
}

/** Three significant digits, more where the figure has them before the point. */
function figure(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)));
}

function verdict({ ratio, target }: Row): string {
  if (target === undefined) return '';
  return ratio >= target ? `${target} reached` : `**${target} missed**`;
}

/** A section of RESULTS.md: `## name`, the circumstances, a table. */
export function renderSection(name: string, rows: readonly Row[], at: Circumstances): string {
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${figure(row.ours)} | ${figure(row.peer)} | ${row.unit} | ${row.ratio.toFixed(2)} | ${verdict(row)} |`,
  );
  return [
    `## ${name}`,
    '',
    `${at.date}; ${at.machine}; Node ${at.node}; ${at.packages.join(', ') || 'no packages beside'}; peak memory ${figure(at.peakMb)} MB.`,
    '',
    '| what | ours | peer | unit | ratio | target |',
    '|---|---:|---:|---|---:|---|',
    ...lines,
    '',
  ].join('\n');
}

/** The document with this section in place of its former self, or at its end. */
export function replaceSection(document: string, name: string, section: string): string {
  const [head = '', ...sections] = document.split(/^(?=## )/m);
  const at = sections.findIndex((existing) => existing.startsWith(`## ${name}\n`));
  if (at === -1) sections.push(section);
  else sections[at] = section;
  return `${[head, ...sections].map((part) => part.trim()).join('\n\n')}\n`;
}
