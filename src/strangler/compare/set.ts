import { compileExpression } from '../../fhir/path.ts';
import type { CompiledExpression } from '../../fhir/path.ts';
import { searchParameter } from '../../fhir/search-parameters.ts';
import type { Resource } from '../../fhir/types.ts';
import type { ComparableSet } from './answer.ts';
import { compareResource, type Work } from './element.ts';
import { pairItems } from './pairs.ts';
import type { Side } from './side.ts';
import { rootTrail, step } from './trail.ts';

const BUNDLE = rootTrail('Bundle');
const ENTRY = step(BUNDLE, 'entry');
const TOTAL = step(BUNDLE, 'total');

/** Compares two resources that stand for the same thing. */
export function compareResources(legacy: Resource, modern: Resource, work: Work): void {
  if (!work.identical(legacy, modern)) compareResource(legacy, modern, rootTrail(legacy.resourceType), work);
}

/**
 * Compares what two searches found: entries by `Type/id`, so that a thousand cost a thousand comparisons. An entry that
 * may be on a page that was not read, or with a source that did not answer, is not said to be missing or extra.
 */
export function compareSets(legacy: ComparableSet, modern: ComparableSet, work: Work): void {
  const lacking = { missing: modern.complete, extra: legacy.complete && legacy.partial !== true };
  const both = compareEntries(legacy.matches, modern.matches, '', lacking, work);
  compareEntries(legacy.included, modern.included, 'included ', lacking, work);
  if (isReordered(both, legacy)) work.findings.add(ENTRY, 'order', legacy.sorted ? 'sorted' : undefined);
  if (legacy.partial === true || modern.partial === true) return;
  const empty = legacy.matches.length + modern.matches.length === 0;
  if (legacy.total === modern.total) return;
  const kind = modern.total === undefined ? 'missing' : legacy.total === undefined ? 'extra' : 'changed';
  work.findings.add(TOTAL, kind, empty ? 'a count only' : undefined);
}

type Both = readonly [legacy: Resource, modern: Resource];

/** Compares entries; gives those that both have, in modern's order. */
function compareEntries(
  legacy: readonly Resource[],
  modern: readonly Resource[],
  mode: string,
  lacking: { readonly missing: boolean; readonly extra: boolean },
  work: Work,
): readonly Both[] {
  const tell = (resource: Resource, kind: 'missing' | 'extra', more = ''): void => {
    const { name } = rootTrail(resource.resourceType);
    work.findings.add(ENTRY, kind, `${mode}${name}${more}`);
  };
  const waiting = byAddress(legacy, work.legacy);
  const nameless = { legacy: waiting.nameless, modern: [] as Resource[] };
  const known = new Set(waiting.named.keys());
  const both: Both[] = [];
  for (const resource of modern) {
    const address = addressOf(resource, work.modern);
    if (address === undefined) {
      nameless.modern.push(resource);
      continue;
    }
    const other = waiting.named.get(address)?.shift();
    if (other) both.push([other, resource]);
    else if (known.has(address)) tell(resource, 'extra', ' twice');
    else if (lacking.extra) tell(resource, 'extra');
    known.add(address);
  }
  const found = new Set(both.map(([, resource]) => addressOf(resource, work.modern)));
  for (const [address, left] of waiting.named) {
    for (const resource of left) {
      if (found.has(address)) tell(resource, 'missing', ' twice');
      else if (lacking.missing) tell(resource, 'missing');
    }
  }
  for (const [before, after] of both) compareResources(before, after, work);
  const pairs = pairItems(nameless.legacy, nameless.modern, 'Resource', work);
  for (const [l, m] of pairs.changed) compareResources(nameless.legacy[l]!, nameless.modern[m]!, work);
  if (lacking.missing) for (const at of pairs.missing) tell(nameless.legacy[at]!, 'missing');
  if (lacking.extra) for (const at of pairs.extra) tell(nameless.modern[at]!, 'extra');
  return both;
}

function addressOf({ resourceType, id }: Resource, side: Side): string | undefined {
  return typeof id === 'string' && id !== '' ? side.reference(`${resourceType}/${id}`) : undefined;
}

function byAddress(
  resources: readonly Resource[],
  side: Side,
): { readonly named: ReadonlyMap<string, Resource[]>; readonly nameless: Resource[] } {
  const named = new Map<string, Resource[]>();
  const nameless: Resource[] = [];
  for (const resource of resources) {
    const address = addressOf(resource, side);
    if (address === undefined) nameless.push(resource);
    else if (named.has(address)) named.get(address)!.push(resource);
    else named.set(address, [resource]);
  }
  return { named, nameless };
}

/**
 * Whether modern's entries come in another order than legacy's; in a sorted set, those with equal sort values have
 * none.
 */
function isReordered(both: readonly Both[], { matches, sortedBy }: ComparableSet): boolean {
  const ranks = new Map<Resource, number>();
  let rank = 0;
  let last: string | undefined;
  for (const [at, resource] of matches.entries()) {
    const value = sortedBy ? sortValue(resource, sortedBy) : String(at);
    if (value !== last) rank += 1;
    last = value;
    if (!ranks.has(resource)) ranks.set(resource, rank);
  }
  return both.some(([resource], at) => at > 0 && ranks.get(resource)! < ranks.get(both[at - 1]![0])!);
}

const compiled = new Map<string, CompiledExpression | undefined>();

function sortExpression(type: string, name: string): CompiledExpression | undefined {
  const key = `${type} ${name}`;
  if (!compiled.has(key)) {
    const expression = searchParameter(type, name)?.expression;
    compiled.set(key, expression === undefined ? undefined : compileExpression(expression, type));
  }
  return compiled.get(key);
}

function sortValue(resource: Resource, names: readonly string[]): string {
  const { resourceType } = resource;
  return JSON.stringify(names.map((name) => sortExpression(resourceType, name)?.(resource) ?? []));
}
