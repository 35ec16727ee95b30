import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CharsetChoice } from '../../adapters/hl7v2/charset.ts';
import { toFicusError } from '../errors.ts';
import { createCoverageTally, FATES } from '../mapping/coverage.ts';
import type { FieldCoverage, FieldFate } from '../mapping/coverage.ts';
import type { MappingSet } from '../mapping/mapping-set.ts';
import type { RunContext } from '../mapping/run.ts';
import { runFile } from './map-run.ts';
import { figuresOf, tableNames } from './official-tables.ts';
import type { TableFigures } from './official-tables.ts';
import { formatTable, many } from './text.ts';

/** What became of the fields of many messages. */
export interface CoverageReport {
  readonly messages: number;
  /** Messages by type, most first. */
  readonly types: readonly { readonly type: string; readonly count: number }[];
  /** Messages that could not be read. */
  readonly failed: readonly { readonly file: string; readonly message: number; readonly error: string }[];
  readonly fields: readonly FieldCoverage[];
}

/** Reads every message of files and folders (their `*.hl7`, at any depth), and counts what became of each field. */
export function coverageOf(
  set: MappingSet,
  paths: readonly string[],
  context: RunContext,
  charset: CharsetChoice = {},
): CoverageReport {
  const tally = createCoverageTally();
  const types = new Map<string, number>();
  const failed: CoverageReport['failed'][number][] = [];
  let messages = 0;
  for (const file of paths.flatMap(filesAt)) {
    for (const { message, type, error, fields } of runFile(set, file, context, charset)) {
      messages += 1;
      types.set(type, (types.get(type) ?? 0) + 1);
      try {
        if (fields) tally.add(fields());
        else failed.push({ file, message, error: error ?? 'not read' });
      } catch (thrown) {
        // A field that nobody asked for yet does not decode.
        failed.push({ file, message, error: toFicusError(thrown).message });
      }
    }
  }
  const counted = [...types].map(([type, count]) => ({ type, count }));
  return {
    messages,
    types: counted.toSorted((one, other) => other.count - one.count),
    failed,
    fields: tally.fields(),
  };
}

function filesAt(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return globSync('**/*.hl7', { cwd: path })
    .toSorted()
    .map((file) => join(path, file));
}

/** The tables of a folder that some map answers for, or that are named. */
export function tableFigures(set: MappingSet, folder: string): TableFigures[] {
  return tableNames(folder).map((table) => figuresOf(set, folder, table));
}

/** One line a segment, then the fields that are not all in a resource, with what is said of them. */
export function formatFields(fields: readonly FieldCoverage[], details: boolean): string[] {
  const bySegment = Map.groupBy(fields, ({ field }) => field.slice(0, 3));
  const rows = [...bySegment].map(([segment, own]) => {
    const count = (fate: FieldFate): number => own.reduce((sum, { fates }) => sum + (fates[fate] ?? 0), 0);
    const seen = own.reduce((sum, field) => sum + field.seen, 0);
    const share = `${Math.floor(((count('mapped') + count('partly')) / seen) * 100)} %`;
    return [segment, String(own.length), String(seen), ...FATES.map((fate) => String(count(fate))), share];
  });
  const lines = [formatTable([['segment', 'fields', 'values', ...FATES, 'in a resource'], ...rows])];
  const open = fields.filter(({ fates, seen }) => fates.mapped !== seen);
  if (!details || open.length === 0) return lines;
  const told = open.map(({ field, seen, fates, why }) => [
    field,
    FATES.flatMap((fate) => (fates[fate] ? [`${fate} ${fates[fate]} of ${seen}`] : [])).join(', '),
    why.slice(0, 3).join('; '),
  ]);
  return [...lines, '', formatTable([['field', 'what became of it', 'why'], ...told])];
}

/** The messages by type, their fields, and those that could not be read. */
export function describeCoverage(report: CoverageReport, details: boolean): string {
  const lines = [
    `${many(report.messages, 'message')}, ${report.failed.length} not read: ${report.types.map(({ type, count }) => `${count} ${type}`).join(', ')}`,
    '',
    ...formatFields(report.fields, details),
  ];
  const failures = [...Map.groupBy(report.failed, ({ error }) => error)];
  if (failures.length > 0) lines.push('');
  for (const [error, cases] of failures) {
    const shown = cases.slice(0, 3).map(({ file, message }) => `${file} #${message}`);
    const others = cases.length > shown.length ? ` and ${cases.length - shown.length} more` : '';
    lines.push(`${cases.length} not read: ${error}`, `  ${shown.join(', ')}${others}`);
  }
  return lines.join('\n');
}

/** One line a table that a map answers for, and the sum. */
export function describeTables(figures: readonly TableFigures[]): string {
  const answered = figures.filter(({ maps }) => maps.length > 0);
  const rows = answered.map(({ table, mapped, reasoned, missing }) => [
    table,
    String(mapped + reasoned.length + missing.length),
    String(mapped),
    String(reasoned.length),
    String(missing.length),
    missing.map(({ field }) => field).join(' '),
  ]);
  const sum = (pick: (figure: TableFigures) => number): number =>
    answered.reduce((total, figure) => total + pick(figure), 0);
  const all = sum(({ mapped, reasoned, missing }) => mapped + reasoned.length + missing.length);
  const mapped = sum((figure) => figure.mapped);
  return [
    formatTable([['table', 'rows with a target', 'mapped', 'a file says why not', 'missing', ''], ...rows]),
    `${mapped} of ${all} rows mapped (${((100 * mapped) / all).toFixed(1)} %); no map answers for ${figures.length - answered.length} tables`,
  ].join('\n');
}
