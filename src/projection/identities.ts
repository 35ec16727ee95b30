import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { sameJson } from './content.ts';

/** What a merge does to the two resources themselves. Pure. */

/**
 * The element by which a retired resource says that it is not in use any more; a patient also says who stands for it.
 */
const RETIRED: Readonly<Record<string, readonly [element: string, value: Json]>> = {
  Patient: ['active', false],
  Encounter: ['status', 'entered-in-error'],
  Account: ['status', 'inactive'],
};

const listOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((it) => isJsonObject(it)) : [];

function linkTo(id: string, type: 'replaced-by' | 'replaces'): JsonObject {
  return { other: { reference: `Patient/${id}` }, type };
}

/** The resource with a list element; without the element when the list is empty. */
function withList(resource: Resource, name: string, items: readonly JsonObject[]): Resource {
  const { [name]: _before, ...rest } = resource;
  return (items.length === 0 ? rest : { ...resource, [name]: [...items] }) as Resource;
}

/** The identifiers of a resource as those of one that is not used any more. */
export function oldIdentifiers(resource: Resource): readonly JsonObject[] {
  return listOf(resource['identifier']).map((identifier) => ({ ...identifier, use: 'old' }));
}

/** What has to be known to take a merge back: what `retire` changes, as it was. */
export function stateBefore(resource: Resource): JsonObject {
  const [element = ''] = RETIRED[resource.resourceType] ?? [];
  const names = [element, 'identifier', 'link'].filter((name) => resource[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, resource[name]]));
}

/** The one that goes: out of use, its identifiers old, and saying who stands for it. */
export function retire(resource: Resource, survivor: string): Resource {
  const { resourceType } = resource;
  const [element, value] = RETIRED[resourceType] ?? [];
  const marked = element === undefined || value === undefined ? resource : { ...resource, [element]: value };
  const renamed = withList(marked, 'identifier', oldIdentifiers(resource));
  if (resourceType !== 'Patient') return renamed;
  const links = listOf(resource['link']).filter(({ type }) => type !== 'replaced-by');
  return withList(renamed, 'link', [...links, linkTo(survivor, 'replaced-by')]);
}

/** The one that came back, as it was before. */
export function restore(resource: Resource, was: JsonObject): Resource {
  const [element = ''] = RETIRED[resource.resourceType] ?? [];
  const { [element]: _marked, identifier: _identifier, link: _link, ...rest } = resource;
  return { ...rest, ...was } as Resource;
}

/** The survivor: it can be found by the other one's identifiers, and a patient says whom it replaces. */
export function adopt(resource: Resource, retired: string, identifiers: readonly JsonObject[]): Resource {
  const own = listOf(resource['identifier']);
  const added = identifiers.filter((it) => !own.some((known) => sameIdentifier(known, it)));
  const named = added.length === 0 ? resource : withList(resource, 'identifier', [...own, ...added]);
  if (resource.resourceType !== 'Patient') return named;
  const link = linkTo(retired, 'replaces');
  const links = listOf(named['link']);
  return links.some((known) => sameJson(known, link)) ? named : withList(named, 'link', [...links, link]);
}

/** The survivor without what `adopt` gave it. */
export function release(resource: Resource, retired: string, identifiers: readonly JsonObject[]): Resource {
  const own = listOf(resource['identifier']);
  const kept = own.filter(
    (it) => it['use'] !== 'old' || !identifiers.some((gone) => sameIdentifier(gone, it)),
  );
  const named = kept.length === own.length ? resource : withList(resource, 'identifier', kept);
  const link = linkTo(retired, 'replaces');
  const links = listOf(named['link']);
  const left = links.filter((known) => !sameJson(known, link));
  return left.length === links.length ? named : withList(named, 'link', left);
}

/**
 * What a message says of the retired one, as it is filed on the survivor: an identifier that the survivor does not have
 * is an old one, and what the message leaves out is not gone.
 */
export function filedOnSurvivor(said: Resource, survivor: Resource | undefined): Resource {
  const own = listOf(survivor?.['identifier']);
  const identifiers = listOf(said['identifier']).map((it) =>
    own.some((known) => sameIdentifier(known, it) && known['use'] !== 'old') ? it : { ...it, use: 'old' },
  );
  return said['identifier'] === undefined ? said : withList(said, 'identifier', identifiers);
}

/**
 * The identifier beside a reference that points from one resource to another now: a number that is the first one's and
 * not the other's gives way to the other's of the same system, if there is one.
 */
export function identifierFor(
  said: Json | undefined,
  before: Resource | undefined,
  after: Resource | undefined,
): Json | undefined {
  if (!isJsonObject(said)) return said;
  const has = (of: Resource | undefined): boolean =>
    listOf(of?.['identifier']).some((it) => sameIdentifier(it, said));
  if (!has(before) || has(after)) return said;
  const own = listOf(after?.['identifier']).filter((it) => sameJson(it['system'], said['system']));
  const chosen = own.find((it) => it['use'] !== 'old') ?? own[0];
  return chosen && { ...said, value: chosen['value']! };
}

function sameIdentifier(a: JsonObject, b: JsonObject): boolean {
  return sameJson(a['system'], b['system']) && sameJson(a['value'], b['value']);
}

/** A patient that nobody has told of yet but a merge. */
export function stub(type: string, id: string): Resource | undefined {
  return type === 'Patient' ? { resourceType: type, id } : undefined;
}
