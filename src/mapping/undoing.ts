import type { Run } from './run.ts';
import type { UpdateRule } from './schema.ts';
import type { TreeReader } from './tree.ts';

/** What a message does to what is known, beside what it says. */
export interface Undoing {
  /** FHIR paths from the resource: what this event takes back. */
  readonly clears: readonly string[];
  /** Elements that stay as they are known; with codes: where they, or the element that is named, are one of these. */
  readonly yields: UpdateRule['yields'];
}

/** One of `updates`, compiled: what it does at a place; undefined: nothing. */
export type CompiledUpdateRule = (place: TreeReader, run: Run) => Undoing | undefined;

/** A rule with where it stands, which is told like that of a row. */
export interface SourceUpdateRule<Origin> {
  readonly rule: UpdateRule;
  readonly origin: Origin;
  readonly path: string;
}
