import type { Condition } from './condition.ts';
import { coverAt, type Cover, type CoverRule } from './cover.ts';
import type { PartDef } from './definitions.ts';
import type { Row } from './schema.ts';
import { parseTreePath, type PathSyntax } from './tree-path.ts';
import type { Step } from './tree.ts';

/** The place of a row in the tree. */
export interface CoveredPlace {
  readonly steps: readonly Step[];
  readonly syntax: PathSyntax;
  /** Its data type, where that is known. */
  readonly type: string | undefined;
  readonly when: Condition | undefined;
  readonly partAt: (steps: readonly Step[]) => PartDef | undefined;
}

/** How much of its place a row speaks of that hands it to no other map. */
export function coverKind(row: Row): CoverRule['kind'] {
  if (row.keep) return 'kept';
  if (row.drop) return 'dropped';
  return row.via === undefined && row.const === undefined ? 'value' : 'all';
}

/** In XML a reference is one text, or a number and its namespace; in HL7 other rows speak of the identifier. */
export function coverReference(
  cover: Cover,
  place: CoveredPlace,
  { number = '.', namespace }: Pick<Row, 'number' | 'namespace'>,
): void {
  if (place.syntax !== 'xml') return;
  coverPaths(cover, place, namespace === undefined ? [number] : [number, namespace]);
}

/** Of a place that is read by paths below it, only what those name. */
export function coverPaths(
  cover: Cover,
  { steps, syntax, type, when, partAt }: CoveredPlace,
  paths: readonly string[],
): void {
  for (const path of paths) {
    const below = [...steps, ...parseTreePath(path, syntax, type)];
    const at = coverAt(cover, below);
    const part = syntax === 'v2' ? partAt(below) : undefined;
    at.repeats ||= part?.repeats ?? false;
    at.rules.push({
      kind: part?.type === 'varies' ? 'all' : 'value',
      when,
      up: below.length,
      why: undefined,
    });
  }
}
