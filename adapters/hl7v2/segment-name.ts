/** How many names are kept: more than there are segments, fewer than a sender of nonsense could fill memory with. */
const LIMIT = 1_000;

const known = new Map<number, string>();

/** A name as a number, its three bytes side by side: compared at once. -1 when it is not of three bytes. */
export function keyOfName(name: string): number {
  if (name.length !== 3) return -1;
  const one = name.charCodeAt(0);
  const two = name.charCodeAt(1);
  const three = name.charCodeAt(2);
  return (one | two | three) > 0xff ? -1 : (one << 16) | (two << 8) | three;
}

/** As `keyOfName`, of the segment between `from` and `to`: behind its name comes nothing or a field separator. */
export function keyOfSegment(bytes: Uint8Array, from: number, to: number, separator: number): number {
  const after = from + 3;
  if (after > to || (after < to && bytes[after] !== separator)) return -1;
  return (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
}

/**
 * The name of a key, always the same string: whoever looks it up in a table has it hashed only once. Undefined when it
 * is not a capital letter and two capitals or digits, as all names of HL7 and of sites are (HL7 v2.5.1 §2.5.2).
 */
export function nameOfKey(key: number): string | undefined {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (key === -1) return undefined;
  const name = String.fromCharCode(key >> 16, (key >> 8) & 0xff, key & 0xff);
  if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) return undefined;
  if (known.size < LIMIT) known.set(key, name);
  return name;
}
