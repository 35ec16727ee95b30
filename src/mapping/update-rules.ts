import type { Json } from '../fhir/types.ts';
import { fitsType, targetOf } from './compile.ts';
import type { CompiledMap } from './compiled-map.ts';
import { compileCondition, type Condition } from './condition.ts';
import { isObject, parseFhirPath } from './fhir-path.ts';
import type { UpdateRule } from './schema.ts';
import type { Run } from './run.ts';
import { groupOf } from './segment-group.ts';
import type { TreeReader } from './tree.ts';
import type { CompiledUpdateRule, SourceUpdateRule, Undoing } from './undoing.ts';

/**
 * Compiles the `updates` of a map to the FHIR type `fhir`. What is wrong is told, and left out.
 */
export function compileUpdateRules<Origin>(
  sources: readonly SourceUpdateRule<Origin>[],
  fhir: string,
  mapOf: (name: string) => CompiledMap | undefined,
  problem: (source: SourceUpdateRule<Origin>, message: string) => void,
): readonly CompiledUpdateRule[] {
  return sources.flatMap((source): CompiledUpdateRule[] => {
    try {
      return [compileRule(source.rule, fhir, mapOf)];
    } catch (error) {
      problem(source, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

function compileRule(
  { when, unless, clears, yields, removes }: UpdateRule,
  fhir: string,
  mapOf: (name: string) => CompiledMap | undefined,
): CompiledUpdateRule {
  for (const path of [...clears, ...Object.entries(yields).flatMap(elementsOf)])
    targetOf(fhir, parseFhirPath(path));
  const [wanted, unwanted] = [when, unless].map((text): Condition | undefined =>
    text === undefined ? undefined : compileCondition(text, 'v2', undefined),
  );
  const holds = (place: TreeReader, run: Run): boolean =>
    (wanted?.holds(place, run) ?? true) && !unwanted?.holds(place, run);
  const cleared = clears.map((path) => `${fhir}.${path}`);
  if (!removes) return (place, run) => (holds(place, run) ? { clears: cleared, yields } : undefined);
  const named = compileNamed(removes, fhir, mapOf);
  return (place, run) => ({ clears: [...cleared, ...named(place, run, holds)], yields });
}

/** The elements that one of `yields` names. */
const elementsOf = ([name, known]: [string, UpdateRule['yields'][string]]): string[] =>
  known === true || Array.isArray(known) ? [name] : [name, ...Object.keys(known)];

/** The paths of the items that repetitions of a segment name. */
function compileNamed(
  { from, each, by }: NonNullable<UpdateRule['removes']>,
  fhir: string,
  mapOf: (name: string) => CompiledMap | undefined,
): (place: TreeReader, run: Run, holds: (place: TreeReader, run: Run) => boolean) => string[] {
  const map = mapOf(each);
  if (!map) throw new Error(`there is no map ${each}, or it needs itself`);
  const { type } = targetOf(fhir, parseFhirPath(from));
  if (!fitsType(map.fhirType, type)) throw new Error(`${each} makes a ${map.fhirType}, not a ${type}`);
  const paths = by.map((path) => {
    const steps = parseFhirPath(path);
    targetOf(map.fhirType, steps);
    return { path, names: steps.map(({ name }) => name) };
  });
  const segment = map.legacy;
  return (place, run, holds) =>
    Array.from({ length: place.count(segment) }, (_, at) => groupOf(place.child(segment, at), segment, place))
      .filter((one) => holds(one, run))
      .flatMap((one): string[] => {
        const item = map.codec.read(one, run);
        const texts = paths.map(({ names }) => textAt(item, names));
        if (texts[0] === undefined) return [];
        const tests = paths.flatMap(({ path }, at) =>
          texts[at] === undefined ? [] : [`${path}='${escaped(texts[at])}'`],
        );
        return [`${fhir}.${from}.where(${tests.join(' and ')})`];
      });
}

const escaped = (text: string): string => text.replaceAll(/['\\]/g, String.raw`\$&`);

/** The first text at a path, whatever lists are on the way. */
function textAt(value: Json | undefined, [name, ...rest]: readonly string[]): string | undefined {
  const item = Array.isArray(value) ? value[0] : value;
  if (name === undefined) return typeof item === 'string' ? item : undefined;
  return isObject(item) ? textAt(item[name], rest) : undefined;
}

/** What the rules do together at a place; undefined: nothing. */
export function undoingOf(
  rules: readonly CompiledUpdateRule[],
  place: TreeReader,
  run: Run,
): Undoing | undefined {
  const held = rules.flatMap((rule) => rule(place, run) ?? []);
  if (held.length === 0) return undefined;
  return {
    clears: held.flatMap(({ clears }) => clears),
    yields: Object.assign({}, ...held.map(({ yields }) => yields)) as Undoing['yields'],
  };
}
