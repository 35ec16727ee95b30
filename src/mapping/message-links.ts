import { typeDef } from '../fhir/elements.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { isObject } from './fhir-path.ts';
import { copyOf } from './memo.ts';

/** An element that refers to what other readings of the message make. */
export interface Link {
  /** `['content', 'attachment', 'url']` */
  readonly path: readonly string[];
  /** Whether each step is a list. */
  readonly lists: readonly boolean[];
  /** Name of the readings. */
  readonly to: string;
}

/** One resource of a message on its way to be linked; one that is shared is copied before it is changed. */
export interface Linkable {
  /** Where it was read: `.`, `PATIENT[1]/NK1[2]`. */
  readonly from: string;
  readonly as: string | undefined;
  readonly links: readonly Link[];
  resource: Resource | undefined;
  shared: boolean;
}

/**
 * Compiles `refers`.
 * @param names what the readings make, by name
 * @throws Error when an element does not exist, is no place for a reference, or a reading does not exist
 */
export function compileLinks(
  resource: string,
  refers: Readonly<Record<string, string>>,
  names: ReadonlyMap<string, string>,
): Link[] {
  return Object.entries(refers).map(([element, to]) => {
    const path = element.split('.');
    let type = resource;
    const lists = path.map((name) => {
      const property = typeDef(type)?.properties.get(name);
      if (!property) throw new Error(`${type} has no element ${name}`);
      type = property.type;
      return property.element.max > 1;
    });
    if (type !== 'Reference' && type !== 'url' && type !== 'uri')
      throw new Error(`${element} is no reference`);
    if (!names.has(to)) throw new Error(`there is no reading with the name ${to}`);
    return { path, lists, to };
  });
}

/** Fills in what the resources of one message say of each other. */
export function linkResources(resources: readonly Linkable[]): void {
  const byName = Map.groupBy(resources, ({ as }) => as);
  for (const one of resources) {
    if (!one.resource) continue;
    for (const link of one.links) {
      const targets = targetsOf(byName.get(link.to) ?? [], link, one.from, one.resource);
      if (targets.length > 0) refer(ownOf(one), link, targets);
    }
  }
  nameLogical(resources);
}

/** The resource, to be changed in place. */
function ownOf(one: Linkable): Resource {
  const { resource } = one;
  if (!one.shared) return resource!;
  one.shared = false;
  return (one.resource = copyOf<Resource>(resource!));
}

/**
 * `Type/key` of those readings that are at or below a place; where there are none, of the nearest group around it that
 * has some. What another repetition of a group of the message says is not taken, by a list of no group: a request
 * without results has not those of the next, a result not the specimen of another order.
 */
function targetsOf(resources: readonly Linkable[], { lists }: Link, from: string, self: Resource): string[] {
  const list = lists[0] === true;
  const named = resources.filter(({ resource }) => resource?.id && resource !== self);
  for (let place = from; named.length > 0; place = above(place)) {
    const found = named.filter(
      (it) => isWithin(it.from, place) && !((list || place === '.') && isBeside(it.from, from)),
    );
    if (found.length > 0) return found.map(({ resource }) => `${resource!.resourceType}/${resource!.id}`);
    if (place === '.') break;
  }
  return [];
}

/** Whether two places lie in two repetitions of one group. */
function isBeside(one: string, other: string): boolean {
  const [first, second] = [one.split('/'), other.split('/')];
  const at = first.findIndex((step, index) => step !== second[index]);
  const name = (step: string | undefined): string | undefined => step?.replace(/\[\d+\]$/, '');
  return at >= 0 && second[at] !== undefined && name(first[at]) === name(second[at]);
}

function above(place: string): string {
  const slash = place.lastIndexOf('/');
  return slash < 0 ? '.' : place.slice(0, slash);
}

function isWithin(from: string, place: string): boolean {
  return place === '.' || from === place || from.startsWith(`${place}/`);
}

/**
 * Several targets go into a list; below a list with as many items each item gets its own, in order. A single element
 * that is said already, or has several targets, is left as it is.
 */
function refer(resource: JsonObject, link: Link, all: readonly string[]): void {
  const { path, lists } = link;
  const targets = [...new Set(all)];
  const items = lists[0] === true && path.length > 1 ? resource[path[0]!] : undefined;
  if (
    Array.isArray(items) &&
    items.length > 1 &&
    items.length === all.length &&
    !lists.slice(1).includes(true)
  ) {
    const below = { ...link, path: path.slice(1), lists: lists.slice(1) };
    for (const [at, item] of items.entries()) if (isObject(item)) refer(item, below, [all[at]!]);
    return;
  }
  const files = path.length === 2 && lists[0] === true && path[1] === 'url' && items === undefined;
  if (files) return void listAt(resource, path[0]!).push(...targets.map((url) => ({ url })));
  let at: JsonObject = resource;
  for (const [index, name] of path.slice(0, -1).entries()) {
    const next = lists[index] ? (listAt(at, name)[0] ??= {}) : (at[name] ??= {});
    if (!isObject(next)) return;
    at = next;
  }
  const name = path.at(-1)!;
  if (name === 'url') {
    if (targets.length === 1) at[name] ??= targets[0]!;
  } else if (lists.at(-1)) {
    const list = listAt(at, name);
    for (const reference of targets)
      if (!list.some((it) => isObject(it) && it['reference'] === reference)) list.push({ reference });
  } else if (targets.length === 1 && !(isObject(at[name]) && 'reference' in at[name])) {
    at[name] = { ...(isObject(at[name]) ? at[name] : {}), reference: targets[0]! };
  }
}

function listAt(at: JsonObject, name: string): Json[] {
  const list = at[name];
  if (Array.isArray(list)) return list;
  return (at[name] = []);
}

/** A reference by identifier to a resource that the message makes gets its address. */
function nameLogical(resources: readonly Linkable[]): void {
  const referring: { readonly one: Linkable; readonly references: readonly JsonObject[] }[] = [];
  const types = new Set<Json | undefined>();
  for (const one of resources) {
    const references = logicalReferencesOf(one.resource);
    if (references.length === 0) continue;
    referring.push({ one, references });
    for (const { type } of references) types.add(type);
  }
  if (referring.length === 0) return;
  const known = new Map<string, string>();
  for (const { resource } of resources) {
    if (!resource?.id || !types.has(resource.resourceType)) continue;
    if (!Array.isArray(resource['identifier'])) continue;
    for (const identifier of resource['identifier'])
      known.set(identifierKey(resource.resourceType, identifier), `${resource.resourceType}/${resource.id}`);
  }
  if (known.size === 0) return;
  const addressOf = ({ type, identifier }: JsonObject): string | undefined =>
    typeof type === 'string' ? known.get(identifierKey(type, identifier!)) : undefined;
  for (const { one, references } of referring) {
    if (!references.some((it) => addressOf(it) !== undefined)) continue;
    for (const reference of one.shared ? logicalReferences(ownOf(one)) : references) {
      const address = addressOf(reference);
      if (address !== undefined) reference['reference'] = address;
    }
  }
}

/** What was found in resources that never change: they come again and again. */
const foundBefore = new WeakMap<Resource, readonly JsonObject[]>();

function logicalReferencesOf(resource: Resource | undefined): readonly JsonObject[] {
  if (!resource || !Object.isFrozen(resource)) return logicalReferences(resource);
  let found = foundBefore.get(resource);
  if (!found) foundBefore.set(resource, (found = logicalReferences(resource)));
  return found;
}

/** The references in a value that name a type and an identifier, and no address. */
function logicalReferences(value: Json | undefined, found: JsonObject[] = []): readonly JsonObject[] {
  if (typeof value !== 'object' || value === null) return found;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1)
      if (typeof value[at] === 'object') logicalReferences(value[at], found);
    return found;
  }
  // A raw number has one member, a text.
  const members = value as JsonObject;
  if (
    isObject(members['identifier']) &&
    members['reference'] === undefined &&
    typeof members['type'] === 'string'
  ) {
    found.push(members);
    return found;
  }
  for (const name in members) {
    const child = members[name];
    if (typeof child === 'object') logicalReferences(child, found);
  }
  return found;
}

function identifierKey(type: string, identifier: Json): string {
  const { system, value } = isObject(identifier) ? identifier : {};
  const texts = typeof value === 'string' && (system === undefined || typeof system === 'string');
  return texts
    ? `${type}\u0000${system ?? '\u0001'}\u0000${value}`
    : JSON.stringify([type, system ?? null, value ?? null]);
}
