import { isA } from '../../fhir/elements.ts';
import { isJsonObject } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { comparableMeta, comparableNarrative } from './aside.ts';
import { matchContained } from './contained.ts';
import type { Findings } from './findings.ts';
import { codesOf } from './keys.ts';
import { isOrdered } from './ordered.ts';
import { pairItems, type Pairs, type Sides } from './pairs.ts';
import { isEmpty, presenceOf } from './presence.ts';
import { OTHER_JSON, primitiveChange } from './primitive.ts';
import { noted, sliced, step, typed, type Trail } from './trail.ts';

/** What a comparison of two resources works with. */
export interface Work extends Sides {
  readonly findings: Findings;
}

type Member = Json | undefined;

const NONE: readonly string[] = [];
const CONTAINED = ['contained'];
const REFERENCE = ['reference', 'identifier'];
const TEXT = ['text'];
const CODING = ['system', 'code', 'version', 'display'];
const QUANTITY = ['system', 'code', 'unit'];

/** Compares two resources at a place: everything but what the server owns. */
export function compareResource(legacy: JsonObject, modern: JsonObject, at: Trail, work: Work): void {
  const type = legacy['resourceType'];
  if (typeof type !== 'string' || type !== modern['resourceType']) {
    work.findings.add(step(at, 'resourceType'), 'changed');
    return;
  }
  const trail = typed(at, type);
  compareIds(legacy, modern, trail, work);
  const [before, after] = [owned(legacy), owned(modern)];
  const [inner, others] = [before['contained'] ?? [], after['contained'] ?? []];
  if (!Array.isArray(inner) || !Array.isArray(others) || inner.length + others.length === 0) {
    compareMembers(before, after, trail, work);
    return;
  }
  const contained = matchContained(inner, others, work);
  compareItems(contained.legacy, contained.modern, contained.pairs, step(trail, 'contained'), contained.work);
  compareMembers(before, after, trail, contained.work, CONTAINED);
  contained.leave();
}

function compareIds(legacy: JsonObject, modern: JsonObject, trail: Trail, work: Work): void {
  const address = ({ id }: JsonObject, side: Sides['legacy']): string | undefined =>
    typeof id === 'string' ? side.reference(`${trail.type}/${id}`) : undefined;
  const [before, after] = [address(legacy, work.legacy), address(modern, work.modern)];
  if (before === after) return;
  const kind = after === undefined ? 'missing' : before === undefined ? 'extra' : 'changed';
  work.findings.add(step(trail, 'id'), kind);
}

/** A resource's members but for its id and what is its server's. */
function owned(resource: JsonObject): JsonObject {
  const { id: _id, meta, text, ...rest } = resource;
  return { ...rest, meta: comparableMeta(meta), text: comparableNarrative(text) };
}

/** Compares the members of two objects, but for those named. */
function compareMembers(
  legacy: JsonObject,
  modern: JsonObject,
  trail: Trail,
  work: Work,
  but: readonly string[] = NONE,
): void {
  const names = new Set([...Object.keys(legacy), ...Object.keys(modern)]);
  for (const name of names) {
    if (name.startsWith('_')) continue;
    if (!but.includes(name) && !sameAsWritten(legacy[name], modern[name], work)) {
      if (legacy[`_${name}`] !== undefined || modern[`_${name}`] !== undefined) continue;
      compareMember(legacy[name], modern[name], step(trail, name), work, isOrdered(trail.type, name));
    }
  }
  for (const beside of names) {
    const name = beside.slice(1);
    if (!beside.startsWith('_') || but.includes(name)) continue;
    const same = sameAsWritten(legacy[name], modern[name], work);
    if (same && sameAsWritten(legacy[beside], modern[beside], work)) continue;
    comparePrimitives(
      [legacy[name], legacy[beside]],
      [modern[name], modern[beside]],
      step(trail, name),
      work,
    );
  }
}

function sameAsWritten(legacy: Member, modern: Member, work: Work): boolean {
  if (legacy === undefined || modern === undefined) return legacy === modern;
  return work.identical(legacy, modern);
}

function compareMember(legacy: Member, modern: Member, trail: Trail, work: Work, ordered: boolean): void {
  const [before, after] = [presenceOf(legacy), presenceOf(modern)];
  if (before === 'value' && after === 'value') compareValues(legacy!, modern!, trail, work, ordered);
  else if (before === 'value') tellWhole(legacy!, 'missing', trail, work);
  else if (after === 'value') tellWhole(modern!, 'extra', trail, work);
  else if (before !== after) work.findings.add(trail, before === 'empty' ? 'missing' : 'extra', 'empty');
}

/** Says that a value, or each item of a list, is only on one side. */
function tellWhole(value: Json, kind: 'missing' | 'extra', trail: Trail, { findings }: Work): void {
  for (const item of Array.isArray(value) ? value : [value]) findings.add(itemTrail(trail, item), kind);
}

/** Primitives of which at least one carries an id or extensions beside it (FHIR R4 json.html#primitive). */
function comparePrimitives(
  [before, beside]: readonly [Member, Member],
  [after, besides]: readonly [Member, Member],
  trail: Trail,
  work: Work,
): void {
  const ordered = trail.parent !== undefined && isOrdered(trail.parent.type, trail.name);
  const [values, others] = [withoutGaps(before), withoutGaps(after)];
  const [legacy, modern] = [withoutGaps(beside), withoutGaps(besides)];
  compareMember(values, others, trail, work, ordered);
  compareMember(legacy, modern, typed(trail, 'Element'), work, false);
  if (!Array.isArray(before) || !Array.isArray(after)) return;
  const texts = (side: Sides['legacy'], some: Member, type: string): string[] =>
    Array.isArray(some) ? some.map((it) => side.fingerprint(it, type)) : [];
  const aside = texts(work.legacy, beside, 'Element');
  const asides = texts(work.modern, besides, 'Element');
  const was = texts(work.legacy, before, trail.type);
  const is = texts(work.modern, after, trail.type);
  if (!sameSet(was, is) || !sameSet(aside, asides)) return;
  const whole = (some: readonly string[], more: readonly string[]) =>
    some.map((it, at) => `${it} ${more[at]}`);
  if (!sameSet(whole(was, aside), whole(is, asides)))
    work.findings.add(typed(trail, 'Element'), 'changed', 'beside another value');
}

function withoutGaps(value: Member): Member {
  return Array.isArray(value) ? value.filter((it) => it !== null) : value;
}

function sameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.toSorted().join('\n') === others.toSorted().join('\n');
}

function compareValues(legacy: Json, modern: Json, trail: Trail, work: Work, ordered: boolean): void {
  if (Array.isArray(legacy) && Array.isArray(modern)) compareLists(legacy, modern, trail, work, ordered);
  else if (Array.isArray(legacy) || Array.isArray(modern))
    work.findings.add(trail, 'changed', OTHER_JSON.detail);
  else compareOne(legacy, modern, trail, work);
}

function compareLists(legacy: Json[], modern: Json[], trail: Trail, work: Work, ordered: boolean): void {
  const [before, after] = [legacy.filter((it) => !isEmpty(it)), modern.filter((it) => !isEmpty(it))];
  const more = modern.length - after.length - (legacy.length - before.length);
  if (more !== 0) work.findings.add(trail, more > 0 ? 'extra' : 'missing', 'empty');
  const pairs = pairItems(before, after, trail.type, work);
  compareItems(before, after, pairs, trail, work);
  if (!ordered) return;
  const places = [...pairs.same, ...pairs.changed].sort((a, b) => a[0] - b[0]).map(([, place]) => place);
  if (places.some((place, at) => at > 0 && place < places[at - 1]!)) work.findings.add(trail, 'order');
}

function compareItems(
  legacy: readonly Json[],
  modern: readonly Json[],
  { missing, extra, changed }: Pairs,
  trail: Trail,
  work: Work,
): void {
  for (const at of missing) work.findings.add(itemTrail(trail, legacy[at]!), 'missing');
  for (const at of extra) work.findings.add(itemTrail(trail, modern[at]!), 'extra');
  for (const [l, m] of changed) {
    compareValues(legacy[l]!, modern[m]!, itemTrail(trail, legacy[l]!), work, false);
  }
}

function itemTrail(trail: Trail, item: Json): Trail {
  if (!isJsonObject(item)) return trail;
  const { resourceType, url } = item;
  if (typeof resourceType === 'string') return typed(trail, resourceType);
  return trail.type === 'Extension' ? sliced(trail, url) : trail;
}

function compareOne(legacy: Json, modern: Json, trail: Trail, work: Work): void {
  if (!isJsonObject(legacy) || !isJsonObject(modern)) {
    const change =
      isJsonObject(legacy) || isJsonObject(modern) ? OTHER_JSON : primitives(legacy, modern, trail, work);
    if (change) work.findings.add(trail, 'changed', change.detail);
    return;
  }
  const { type } = trail;
  if (legacy['resourceType'] !== undefined) compareResource(legacy, modern, trail, work);
  else if (type === 'Reference' || (type === '' && typeof legacy['reference'] === 'string'))
    compareReferences(legacy, modern, trail, work);
  else if (type === 'CodeableConcept') compareConcepts(legacy, modern, trail, work);
  else if (type === 'Coding') compareCoded(legacy, modern, CODING, trail, work);
  else if (isA(type, 'Quantity')) compareCoded(legacy, modern, QUANTITY, trail, work);
  else compareMembers(legacy, modern, trail, work);
}

/** Addresses of resources may be written in several ways; all else is compared by its type. */
function primitives(legacy: Json, modern: Json, { type, name }: Trail, work: Work) {
  const isAddress = type === 'url' || (type === 'uri' && name === 'fullUrl');
  if (isAddress && typeof legacy === 'string' && typeof modern === 'string')
    return primitiveChange(type, work.legacy.reference(legacy), work.modern.reference(modern));
  return primitiveChange(type, legacy, modern);
}

function compareReferences(legacy: JsonObject, modern: JsonObject, trail: Trail, work: Work): void {
  const [before, after] = [legacy['reference'], modern['reference']];
  if (typeof before !== 'string' || typeof after !== 'string') {
    compareMembers(legacy, modern, trail, work);
    return;
  }
  const [was, is] = [work.legacy.reference(before), work.modern.reference(after)];
  if (was !== is) {
    const patients = isPatient(was) && isPatient(is);
    work.findings.add(step(trail, 'reference'), 'changed', patients ? 'another patient' : undefined);
  }
  compareMembers(legacy, modern, trail, work, REFERENCE);
  const identifier = step(trail, 'identifier');
  const beside = was === is ? noted(identifier, 'beside a reference') : identifier;
  compareMember(legacy['identifier'], modern['identifier'], beside, work, false);
}

function isPatient(reference: string): boolean {
  return /(?:^|\/)Patient\/[^/]+(?:\/_history\/[^/]+)?$/.test(reference);
}

/** A text beside a code that both have is for people only; without one it is all that is said. */
function compareConcepts(legacy: JsonObject, modern: JsonObject, trail: Trail, work: Work): void {
  compareMembers(legacy, modern, trail, work, TEXT);
  const codes = new Set(codesOf(legacy, work.legacy));
  const shared = codesOf(modern, work.modern).some((code) => codes.has(code));
  const text = step(trail, 'text');
  compareMember(legacy['text'], modern['text'], shared ? noted(text, 'beside a code') : text, work, false);
}

/** A coding or quantity: codes that a code map has as one say the same, whatever they are called. */
function compareCoded(
  legacy: JsonObject,
  modern: JsonObject,
  names: readonly string[],
  trail: Trail,
  work: Work,
): void {
  const isSame = legacy['system'] === modern['system'] && legacy['code'] === modern['code'];
  const code = work.legacy.code(legacy);
  const mapped = !isSame && code !== undefined && code === work.modern.code(modern);
  compareMembers(legacy, modern, trail, work, mapped ? names : NONE);
}
