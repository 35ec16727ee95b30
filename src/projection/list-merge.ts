import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject } from '../fhir/types.ts';

type KeyOf = (item: JsonObject) => string;

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** A concept by its first code, else by its text. */
function conceptKey(concept: Json | undefined): string {
  if (!isJsonObject(concept)) return '';
  const { coding } = concept;
  const first = Array.isArray(coding) ? coding.find((it) => isJsonObject(it)) : undefined;
  return isJsonObject(first) ? `${text(first['system'])}|${text(first['code'])}` : text(concept['text']);
}

/**
 * What makes two items of a list the same thing said twice. An identifier that is not in use any more stands by itself:
 * one of the same system may have taken its place.
 */
const KEYS: Readonly<Record<string, KeyOf>> = {
  identifier: ({ system, type, use, value }) =>
    [text(system), conceptKey(type), use === 'old' ? `old ${text(value)}` : ''].join('\n'),
  name: ({ use }) => text(use),
  telecom: ({ system, use }) => `${text(system)}\n${text(use)}`,
  address: ({ use, type }) => `${text(use)}\n${text(type)}`,
  extension: ({ url }) => text(url),
  modifierExtension: ({ url }) => text(url),
};

/**
 * A list element after a message: items of a key that the message says are replaced by the message's, where the first
 * of them stood; items of other keys stay; new ones come last. Lists without a key are replaced as a whole.
 */
export function mergeList(name: string, current: readonly Json[], said: readonly Json[]): Json[] {
  const keyOf = KEYS[name];
  if (!keyOf) return [...said];
  const groups = new Map<string, Json[]>();
  for (const item of said) {
    const key = isJsonObject(item) ? keyOf(item) : '';
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  const placed = new Set<string>();
  const merged = current.flatMap((item) => {
    const key = isJsonObject(item) ? keyOf(item) : '';
    const group = groups.get(key);
    if (!group) return [item];
    if (placed.has(key)) return [];
    placed.add(key);
    return group;
  });
  for (const [key, group] of groups) if (!placed.has(key)) merged.push(...group);
  return merged;
}
