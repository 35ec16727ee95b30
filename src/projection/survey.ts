import type { Json, JsonObject, Resource } from '../fhir/types.ts';

/** What storing a resource has to know of its whole tree, found in one walk. */
export interface Survey {
  /** Relative references to what can be merged (`Patient/1`), each once. */
  readonly references: ReadonlySet<string>;
  /** Whether a decimal in it keeps its digits as text. */
  readonly decimals: boolean;
}

/** Types whose identities change: everything that refers to one of them is known. */
export const MERGEABLE: readonly string[] = ['Patient', 'Encounter', 'Account'];

const BEGINNINGS = MERGEABLE.map((type) => `${type}/`);
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** Whether it is a relative reference to what can be merged. Most references are to other types. */
function isMergeable(reference: string): boolean {
  for (const beginning of BEGINNINGS)
    if (reference.startsWith(beginning)) return ID.test(reference.slice(beginning.length));
  return false;
}

export function surveyOf(resource: Resource): Survey {
  const found = { references: new Set<string>(), decimals: false };
  survey(resource, found);
  return found;
}

function survey(value: Json | undefined, found: { references: Set<string>; decimals: boolean }): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') survey(item, found);
    return;
  }
  const object = value as JsonObject;
  for (const name in object) {
    const member = object[name];
    if (typeof member === 'object') survey(member, found);
    else if (name === 'reference' && typeof member === 'string') {
      if (!found.references.has(member) && isMergeable(member)) found.references.add(member);
    } else if (name === 'rawJSON' && JSON.isRawJSON(value)) found.decimals = true;
  }
}
