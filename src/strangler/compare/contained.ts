import { isJsonObject } from '../../fhir/json.ts';
import type { Json } from '../../fhir/types.ts';
import { pairItems, type Pairs, type Sides } from './pairs.ts';

/** The contained resources of two resources, matched by content: their ids are names of no meaning outside. */
export interface Contained<Of extends Sides> {
  /** Without their ids. */
  readonly legacy: readonly Json[];
  readonly modern: readonly Json[];
  readonly pairs: Pairs;
  /** For what refers to them. */
  readonly work: Of;
  /** To be called when the two resources are compared: their names mean nothing outside. */
  readonly leave: () => void;
}

/**
 * Matches contained resources (FHIR R4 references.html#contained) and lets references to them be compared by what they
 * point at.
 */
export function matchContained<Of extends Sides>(
  before: readonly Json[],
  after: readonly Json[],
  work: Of,
): Contained<Of> {
  const [left, right] = [before.map(nameless), after.map(nameless)];
  const pairs = pairItems(left, right, 'Resource', work);
  const matched = [...pairs.same, ...pairs.changed];
  const names = new Map<string, string>();
  // A name that only one side knows must not be taken for the same name of the other.
  for (const item of after) names.set(`#${idOf(item)}`, `#${idOf(item)} of modern`);
  for (const [l, m] of matched) names.set(`#${idOf(after[m]!)}`, `#${idOf(before[l]!)}`);
  const outside = work.modern.name(names);
  const renamed = [...names].some(([name, other]) => name !== other);
  return {
    legacy: left,
    modern: right,
    pairs,
    work: renamed ? { ...work, identical: () => false } : work,
    leave: () => void work.modern.name(outside),
  };
}

function nameless(item: Json): Json {
  if (!isJsonObject(item)) return item;
  const { id: _id, ...rest } = item;
  return rest;
}

function idOf(item: Json): string {
  return isJsonObject(item) && typeof item['id'] === 'string' ? item['id'] : '';
}
