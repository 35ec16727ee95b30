import { isJsonObject } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { comparableMeta, comparableNarrative } from './aside.ts';
import type { CompareOptions } from './options.ts';
import { canonicalPrimitive } from './primitive.ts';
import { memberOf } from './trail.ts';
import { isOrdered } from './ordered.ts';

/** One of the two answers, as a comparison reads it. */
export interface Side {
  /** A reference in one form; of this side's contained resources: the name that both sides know. */
  readonly reference: (reference: string) => string;
  /** A coding's system and code, equivalent ones alike; undefined without a code. */
  readonly code: (coding: JsonObject) => string | undefined;
  /**
   * One text for a value however it is written: order of members and of unordered lists, offsets, references. Equal
   * texts have no difference between them. Each object is read once.
   */
  readonly fingerprint: (value: Json, type: string) => string;
  /** Says what this side's contained resources are called from now on; gives what was said before. */
  readonly name: (contained: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;
}

export function createSide({ canonicalReference, codeMaps }: CompareOptions): Side {
  const read = new WeakMap<object, string>();
  const references = new Map<string, string>();
  let names: ReadonlyMap<string, string> = new Map();

  function reference(text: string): string {
    if (text.startsWith('#')) return names.get(text) ?? text;
    if (!canonicalReference) return text;
    const known = references.get(text);
    if (known !== undefined) return known;
    const made = canonicalReference(text);
    references.set(text, made);
    return made;
  }

  function code(coding: JsonObject): string | undefined {
    const { system, code } = coding;
    if (typeof code !== 'string') return undefined;
    const key = `${typeof system === 'string' ? system : ''}|${code}`;
    return codeMaps?.get(key) ?? key;
  }

  function fingerprint(value: Json, type: string, ordered = true): string {
    if (Array.isArray(value)) {
      const items = value.map((item) => fingerprint(item, type));
      return `[${(ordered ? items : items.toSorted()).join(',')}]`;
    }
    if (!isJsonObject(value)) return canonicalPrimitive(type, value);
    const known = read.get(value);
    if (known !== undefined) return known;
    const made = objectText(value, type);
    read.set(value, made);
    return made;
  }

  function objectText(value: JsonObject, declared: string): string {
    const { resourceType } = value;
    const isResource = typeof resourceType === 'string';
    const type = isResource ? resourceType : declared;
    const parts: string[] = [];
    for (const name of Object.keys(value).toSorted()) {
      const member = isResource ? resourceMember(value, name) : value[name];
      if (member === undefined) continue;
      if (isResource && name === 'id' && typeof member === 'string') {
        parts.push(`id:${reference(`${type}/${member}`)}`);
        continue;
      }
      if ((name === 'reference' || name === 'fullUrl') && typeof member === 'string') {
        parts.push(`${name}:${reference(member)}`);
        continue;
      }
      const base = name.startsWith('_') ? name.slice(1) : name;
      const inner = name === base ? memberOf(type, name).type : 'Element';
      // A list beside `_name` keeps its order: the two belong together item by item.
      const ordered = name !== base || value[`_${name}`] !== undefined || isOrdered(type, name);
      parts.push(`${JSON.stringify(name)}:${fingerprint(member, inner, ordered)}`);
    }
    return `{${parts.join(',')}}`;
  }

  return {
    reference,
    code,
    fingerprint: (value, type) => fingerprint(value, type),
    name: (contained) => {
      const before = names;
      names = contained;
      return before;
    },
  };
}

/** A member of a resource as it is compared: without what is the server's. */
function resourceMember(resource: JsonObject, name: string): Json | undefined {
  if (name === 'meta') return comparableMeta(resource['meta']);
  return name === 'text' ? comparableNarrative(resource['text']) : resource[name];
}
