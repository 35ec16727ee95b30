import { isResourceType, typeDef } from '../../fhir/elements.ts';

/** Where in an answer a comparison stands: an element, its FHIR type, and the way to it. */
export interface Trail {
  readonly parent: Trail | undefined;
  /** Step of the path, e.g. `valueQuantity`, `extension:birthPlace`; of a root the type. */
  readonly name: string;
  /** As the definition names it: `value[x]`. */
  readonly element: string;
  /** FHIR type of the value; `''` when nobody knows. */
  readonly type: string;
  /** Detail of every difference from here on that has none of its own. */
  readonly note?: string;
}

/** A member of a FHIR type. */
export interface Member {
  readonly element: string;
  readonly type: string;
}

const UNKNOWN: Member = { element: '?', type: '' };
const members = new Map<string, ReadonlyMap<string, Member>>();

function membersOf(type: string): ReadonlyMap<string, Member> {
  const known = members.get(type);
  if (known) return known;
  const made = new Map<string, Member>();
  const properties = typeDef(type)?.properties ?? new Map<string, never>();
  for (const [name, { element, type }] of properties) {
    made.set(name, { element: element.choice ? `${element.name}[x]` : name, type });
  }
  if (properties.size > 0) members.set(type, made);
  return made;
}

/** What the definition of a type says of a JSON member (without `_`). */
export function memberOf(type: string, name: string): Member {
  return membersOf(type).get(name) ?? UNKNOWN;
}

/** Where an answer begins: a resource type, `Bundle` of a search, or `Answer`. */
export function rootTrail(type: string): Trail {
  const name = type === 'Answer' || isResourceType(type) ? type : '?';
  return { parent: undefined, name, element: name, type };
}

/**
 * The trail of a member. A name that no definition has is shown only when it looks like an element's: it could be
 * anything.
 */
export function step(parent: Trail, name: string): Trail {
  const { element, type } = memberOf(parent.type, name);
  const known = element !== '?';
  const shown = known || /^[a-z][A-Za-z]{0,63}$/.test(name) ? name : '?';
  const { note } = parent;
  return {
    parent,
    name: shown,
    element: known ? element : shown,
    type,
    ...(note === undefined ? {} : { note }),
  };
}

/** The same place, its value being of a type that only the value tells (a contained resource). */
export function typed(trail: Trail, type: string): Trail {
  return { ...trail, type };
}

/** The same place, with what every difference below is about. */
export function noted(trail: Trail, note: string): Trail {
  return { ...trail, note };
}

/** An extension by the end of its URL, when that is words: `extension:us-core-birthsex`. */
export function sliced(trail: Trail, url: unknown): Trail {
  const slice =
    typeof url === 'string' ? /^https?:\/\/.*\/([A-Za-z][A-Za-z-]{0,63})$/.exec(url)?.[1] : undefined;
  return slice === undefined ? trail : { ...trail, name: `${trail.name}:${slice}` };
}

/** From the root on. */
export function stepsOf(trail: Trail): readonly Trail[] {
  const steps: Trail[] = [];
  for (let at: Trail | undefined = trail; at; at = at.parent) steps.push(at);
  return steps.reverse();
}

/** `Observation.valueQuantity.unit`. */
export function pathOf(trail: Trail): string {
  return stepsOf(trail)
    .map(({ name }) => name)
    .join('.');
}

/** `Observation.value[x].unit`. */
export function definitionPathOf(trail: Trail): string {
  return stepsOf(trail)
    .map(({ element }) => element)
    .join('.');
}
