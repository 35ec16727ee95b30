import { z } from 'zod';
import { isA, typeDef } from '../../fhir/elements.ts';
import type { Difference, Severity } from '../../migration-ports.ts';
import { memberOf, stepsOf, type Trail } from './trail.ts';
import { matchesWildcard } from './wildcard.ts';

const row = z.strictObject({
  path: z
    .string()
    .regex(
      /^(\*|[A-Za-z]+)(\.(\*|[A-Za-z]+(\[x\])?(:[A-Za-z-]+)?))*$/,
      'Type.element, e.g. Quantity.unit, Resource.status',
    )
    .describe(
      'A FHIR type (or an ancestor: Resource, Element) and elements below it; `*` for any one, as the type for any at all. Covers what is below',
    ),
  severity: z
    .enum(['critical', 'major', 'minor'])
    .describe('`noise` is for rules only: they have an owner, a reason and an expiry'),
  kind: z
    .union([
      z.enum(['missing', 'extra', 'changed', 'order']),
      z.array(z.enum(['missing', 'extra', 'changed', 'order'])).min(1),
    ])
    .exactOptional()
    .describe('Only differences of this kind, or these; default: all'),
  detail: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Only differences with this detail; `*` for any characters'),
  why: z.string().min(1).exactOptional(),
});

/** A table of severities (`mappings/severity.yaml`, or a site's). */
export const severityFileSchema = z.strictObject({
  severities: z.string().min(1).describe('Name of the table'),
  rows: z.array(row).min(1),
});

type Row = z.output<typeof row>;

interface CompiledRow {
  readonly type: string;
  readonly elements: readonly string[];
  readonly kinds: ReadonlySet<string> | undefined;
  readonly detail: string | undefined;
  readonly severity: Severity;
}

/** How bad a difference is, by where it is, its kind and its detail. */
export interface Severities {
  of(trail: Trail, kind: Difference['kind'], detail: string | undefined): Severity;
}

const REMEMBERED = 4096;

/**
 * Compiles tables of severities, those that come later over those before. Of the rows that cover a difference one with
 * a detail goes before one with a kind, that before one with neither; of alike ones the one that reaches deepest into
 * the path, then the one that names most of it, then the later one. What no row covers is critical: nobody has said
 * that it is harmless.
 *
 * @param files parsed files; checked here.
 * @throws Error with every problem of every file.
 */
export function compileSeverities(...files: readonly unknown[]): Severities {
  const problems: string[] = [];
  const rows = files.flatMap((file) => readTable(file, problems));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const known = new Map<string, Severity>();

  function find(trail: Trail, kind: Difference['kind'], detail: string | undefined): Severity {
    const steps = stepsOf(trail);
    let best: { readonly severity: Severity; readonly rank: readonly number[] } | undefined;
    for (const row of rows) {
      if (row.kinds && !row.kinds.has(kind)) continue;
      if (row.detail !== undefined && (detail === undefined || !matchesWildcard(row.detail, detail)))
        continue;
      const cover = coverOf(row, steps);
      if (!cover) continue;
      const rank = [row.detail === undefined ? 0 : 1, row.kinds ? 1 : 0, cover.depth, cover.named];
      if (!best || !isLess(rank, best.rank)) best = { severity: row.severity, rank };
    }
    return best?.severity ?? 'critical';
  }

  return {
    of(trail, kind, detail) {
      const way = stepsOf(trail).map(({ name, element, type }) => `${name} ${element} ${type}`);
      const key = [kind, detail ?? '', ...way].join('\n');
      const remembered = known.get(key);
      if (remembered) return remembered;
      const severity = find(trail, kind, detail);
      if (known.size >= REMEMBERED) known.clear();
      known.set(key, severity);
      return severity;
    },
  };
}

function isLess(rank: readonly number[], than: readonly number[]): boolean {
  const at = rank.findIndex((it, at) => it !== than[at]);
  return at !== -1 && rank[at]! < than[at]!;
}

/** How deep a row reaches into a path, and how much of what it covers it names. */
function coverOf(
  { type, elements }: CompiledRow,
  steps: readonly Trail[],
): { readonly depth: number; readonly named: number } | undefined {
  if (type === '*' && elements.length === 0) return { depth: 0, named: 0 };
  for (let start = steps.length - 1 - elements.length; start >= 0; start--) {
    const exact = steps[start]!.type === type;
    if (!exact && type !== '*' && !isA(steps[start]!.type, type)) continue;
    if (!elements.every((element, at) => isStep(element, steps[start + 1 + at]!))) continue;
    const named = elements.filter((element) => element !== '*').length * 2;
    return { depth: start + elements.length, named: named + (exact ? 2 : type === '*' ? 0 : 1) };
  }
  return undefined;
}

function isStep(element: string, { name, element: defined }: Trail): boolean {
  return element === '*' || element === name || element === defined || element === name.split(':')[0];
}

function readTable(file: unknown, problems: string[]): CompiledRow[] {
  const parsed = severityFileSchema.safeParse(file);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues)
      problems.push(`severities ${path.join('.')}: ${message}`);
    return [];
  }
  const { severities, rows } = parsed.data;
  return rows.map((row, at) => {
    const problem = unknownOf(row);
    if (problem !== undefined) problems.push(`${severities} rows.${at}: ${problem}`);
    return compileRow(row);
  });
}

function compileRow({ path, severity, kind, detail }: Row): CompiledRow {
  const [type = '*', ...elements] = stepsOfPath(path);
  const kinds = kind === undefined ? undefined : new Set(typeof kind === 'string' ? [kind] : kind);
  return { type, elements, kinds, detail, severity };
}

function stepsOfPath(path: string): string[] {
  return path.split('.');
}

/** What in a row's path FHIR R4 does not have. Behind a choice or `*` nobody knows the type. */
function unknownOf({ path }: Row): string | undefined {
  const [first = '*', ...elements] = stepsOfPath(path);
  if (first === '*' || first === 'Answer') return undefined;
  if (!typeDef(first)) return `FHIR R4 has no type ${first}`;
  let type = first;
  for (const element of elements) {
    if (element === '*' || isAbstract(type)) return undefined;
    const name = element.split(':')[0]!;
    const choice = name.endsWith('[x]');
    const member = choice ? typeDef(type)?.elements.get(name.slice(0, -3)) : undefined;
    if (choice && member?.choice !== true) return `${type} has no choice ${name}`;
    if (choice) return undefined;
    const { element: defined, type: next } = memberOf(type, name);
    if (defined === '?') return `${type} has no element ${name}`;
    type = next;
  }
  return undefined;
}

/** Whether what stands for a type may have elements that it does not name: `Resource.status`. */
function isAbstract(type: string): boolean {
  return typeDef(type)?.abstract === true || type === 'Element';
}
