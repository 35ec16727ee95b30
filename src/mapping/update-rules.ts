import { targetOf } from './compile.ts';
import { compileCondition, type Condition } from './condition.ts';
import { parseFhirPath } from './fhir-path.ts';
import type { UpdateRule } from './schema.ts';
import type { Run } from './run.ts';
import type { TreeReader } from './tree.ts';

/** What a message does to what is known, beside what it says. */
export interface Undoing {
  /** FHIR paths from the resource: what this event takes back. */
  readonly clears: readonly string[];
  /** Elements that stay as they are known; a list: where they are one of these codes. */
  readonly yields: Readonly<Record<string, true | readonly string[]>>;
}

/** One of `updates`, compiled. */
export interface CompiledUpdateRule extends Undoing {
  readonly holds: (place: TreeReader, run: Run) => boolean;
}

/** A rule with where it stands, which is told like that of a row. */
export interface SourceUpdateRule<Origin> {
  readonly rule: UpdateRule;
  readonly origin: Origin;
  readonly path: string;
}

/**
 * Compiles the `updates` of a map to the FHIR type `fhir`. What is wrong is told, and left out.
 */
export function compileUpdateRules<Origin>(
  sources: readonly SourceUpdateRule<Origin>[],
  fhir: string,
  problem: (source: SourceUpdateRule<Origin>, message: string) => void,
): readonly CompiledUpdateRule[] {
  return sources.flatMap((source): CompiledUpdateRule[] => {
    const { when, unless, clears, yields } = source.rule;
    try {
      for (const path of [...clears, ...Object.keys(yields)]) targetOf(fhir, parseFhirPath(path));
      const [wanted, unwanted] = [when, unless].map((text): Condition | undefined =>
        text === undefined ? undefined : compileCondition(text, 'v2', undefined),
      );
      return [
        {
          clears: clears.map((path) => `${fhir}.${path}`),
          yields,
          holds: (place, run) => (wanted?.holds(place, run) ?? true) && !unwanted?.holds(place, run),
        },
      ];
    } catch (error) {
      problem(source, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

/** What the rules that hold at a place do together; undefined: nothing. */
export function undoingOf(
  rules: readonly CompiledUpdateRule[],
  place: TreeReader,
  run: Run,
): Undoing | undefined {
  const held = rules.filter((rule) => rule.holds(place, run));
  if (held.length === 0) return undefined;
  return {
    clears: held.flatMap(({ clears }) => clears),
    yields: Object.assign({}, ...held.map(({ yields }) => yields)) as Undoing['yields'],
  };
}
