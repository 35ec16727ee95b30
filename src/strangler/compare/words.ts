import { decimalText, isJsonObject } from '../../fhir/json.ts';
import type { Difference } from '../../migration-ports.ts';
import type { Json, JsonObject, Resource } from '../../fhir/types.ts';
import { identical } from './identical.ts';

const VERBS: Readonly<Record<Difference['kind'], string>> = {
  changed: 'changed',
  missing: 'is missing',
  extra: 'is extra',
  order: 'comes in another order',
};

/** A difference as a sentence, without any value: `Observation.effectiveDateTime changed: the offset is missing`. */
export function sentenceOf({ path, kind, detail }: Pick<Difference, 'path' | 'kind' | 'detail'>): string {
  return `${path} ${VERBS[kind]}${detail === undefined ? '' : `: ${detail}`}`;
}

/**
 * A difference with the values that differ, for those only who may see them: `5.4 mmol/L became 5.4 mg/dL`. Of several
 * places the first that differs is shown. Falls back to the sentence without values where none can be shown.
 *
 * @param legacy the resource, or all of a search's, of the legacy answer.
 * @param modern the same of the modern answer.
 */
export function describe(
  difference: Pick<Difference, 'path' | 'kind' | 'detail'>,
  legacy: Resource | readonly Resource[],
  modern: Resource | readonly Resource[],
): string {
  for (const [before, after] of pairsOf(difference.path, listed(legacy), listed(modern))) {
    const [gone, come] = apart(shownAt(difference.path, before), shownAt(difference.path, after));
    const words = wordsOf(gone, come);
    if (words !== undefined) return words;
  }
  return sentenceOf(difference);
}

function listed(value: Resource | readonly Resource[]): readonly Resource[] {
  return Array.isArray(value) ? (value as readonly Resource[]) : [value as Resource];
}

/** Resources of the path's type with their counterparts, by id; a single one on both sides needs none. */
function pairsOf(
  path: string,
  legacy: readonly Resource[],
  modern: readonly Resource[],
): (readonly [Resource, Resource])[] {
  const type = path.split('.')[0];
  const [before, after] = [legacy, modern].map((all) => all.filter((it) => it.resourceType === type));
  if (before!.length === 1 && after!.length === 1) return [[before![0]!, after![0]!]];
  const byId = new Map(after!.map((it) => [it.id, it]));
  return before!.flatMap((it) => {
    const other = byId.get(it.id);
    return other ? [[it, other] as const] : [];
  });
}

/** Members that say little without what holds them. */
const PARTS = new Set(['value', 'unit', 'code', 'system', 'comparator', 'display', 'currency']);

function shownAt(path: string, resource: Resource): readonly Json[] {
  const steps = path.split('.').slice(1);
  const last = steps.at(-1);
  const holders =
    steps.length > 1 && last !== undefined && PARTS.has(last) ? valuesAt(steps.slice(0, -1), resource) : [];
  const whole = holders.some((it) => isJsonObject(it) && isSpeakable(it));
  return whole ? holders : valuesAt(steps, resource);
}

function valuesAt(steps: readonly string[], from: Json): readonly Json[] {
  let values: readonly Json[] = [from];
  for (const step of steps) {
    const name = step.split(':')[0]!;
    values = values.flatMap((value) => {
      const inner = isJsonObject(value) ? value[name] : undefined;
      return inner === undefined ? [] : Array.isArray(inner) ? inner : [inner];
    });
  }
  return values;
}

/** What only one of the two has. */
function apart(
  legacy: readonly Json[],
  modern: readonly Json[],
): readonly [readonly Json[], readonly Json[]] {
  const only = (some: readonly Json[], others: readonly Json[]): readonly Json[] => {
    const open = [...others];
    return some.filter((it) => {
      const at = open.findIndex((other) => identical(it, other));
      if (at >= 0) open.splice(at, 1);
      return at < 0;
    });
  };
  return [only(legacy, modern), only(modern, legacy)];
}

function wordsOf(gone: readonly Json[], come: readonly Json[]): string | undefined {
  const [before, after] = [gone.map(spoken)[0], come.map(spoken)[0]];
  if (before !== undefined && after !== undefined)
    return before === after ? undefined : `${before} became ${after}`;
  if (before !== undefined) return `${before} ${VERBS.missing}`;
  return after === undefined ? undefined : `${after} ${VERBS.extra}`;
}

function isSpeakable(value: JsonObject): boolean {
  return ['value', 'code', 'display'].some((name) => value[name] !== undefined);
}

const LONGEST = 200;

/** A value as a person would write it. */
function spoken(value: Json): string | undefined {
  const text = isJsonObject(value) ? spokenObject(value) : plain(value);
  return text !== undefined && text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function spokenObject(value: JsonObject): string {
  const part = (name: string): string | undefined => plain(value[name]);
  const { unit, comparator, reference, family, coding, text } = value;
  if (
    part('value') !== undefined &&
    part('system') !== undefined &&
    unit === undefined &&
    value['code'] === undefined
  )
    return `${part('value')} (${part('system')})`;
  if (part('value') !== undefined) {
    const measured = [plain(comparator), part('value'), plain(unit) ?? part('code')];
    return measured.filter((it) => it !== undefined).join(' ');
  }
  if (part('code') !== undefined) {
    const about = [part('display'), part('system')].filter((it) => it !== undefined).join(', ');
    return `${part('code')}${about === '' ? '' : ` (${about})`}`;
  }
  if (Array.isArray(coding) && isJsonObject(coding[0])) return spokenObject(coding[0]);
  const given = Array.isArray(value['given']) ? value['given'].map(plain).join(' ') : undefined;
  if (plain(family) !== undefined) return [given, plain(family)].filter((it) => it !== undefined).join(' ');
  return plain(reference) ?? plain(text) ?? JSON.stringify(value);
}

function plain(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return decimalText(value);
}
