import { textOf } from '../authority.ts';
import { say, type Codec } from '../codec.ts';
import type { TreeReader } from '../tree.ts';

function joined(place: TreeReader, parts: readonly number[]): string | undefined {
  const texts = parts.map((part) => textOf(place.child(part))).filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.join(' ');
}

/** The name of an XCN as text, for `Reference.display`: prefix, given, further given, family, suffix. Read only. */
export const XCN_DISPLAY: Codec = {
  read: (place) => joined(place, [6, 3, 4, 2, 5]),
  write: (value) => value === undefined,
};

/**
 * XPN <-> string (v2-to-FHIR XPN[string]): read in the order that XPN.11 asks for, given names first by default; a text
 * is written as the family name, whole, because no rule takes a name apart.
 */
export const XPN_TEXT: Codec = {
  read: (place) => joined(place, textOf(place.child(11)) === 'F' ? [5, 1, 3, 2, 4] : [5, 2, 3, 1, 4]),
  write: (value, place) => say(place, value, typeof value === 'string' ? value : undefined),
};
