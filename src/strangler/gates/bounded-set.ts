/** Which hashes were seen, up to a number; past it nothing new is remembered, and the count is only a least one. */
export interface BoundedSet {
  readonly limit: number;
  readonly members: Set<string>;
  /** How many are stored of one whose members have not been read back. */
  known: number;
  /** Members that have not been stored yet. */
  added: string[];
  /** Something new was turned away. */
  full: boolean;
}

/**
 * A keyed hash is long; so much of it (64 bits and more, in hex or base64) tells one from another, and two alike are
 * counted low.
 */
const KEPT = 16;

export function createBoundedSet(limit: number): BoundedSet {
  return { limit, members: new Set(), known: 0, added: [], full: false };
}

/** How many different ones there were; with `full`, at least. */
export function sizeOf({ known, members }: BoundedSet): number {
  return Math.max(known, members.size);
}

/** Remembers a hash. True: it was not there before, and is now. */
export function remember(set: BoundedSet, hash: string): boolean {
  const short = hash.slice(0, KEPT);
  if (set.members.has(short)) return false;
  if (set.members.size >= set.limit) {
    set.full = true;
    return false;
  }
  set.members.add(short);
  set.added.push(short);
  return true;
}

/** What has not been stored yet; it is taken to be stored, unless `giveBack` says otherwise. */
export function takeAdded(set: BoundedSet): readonly string[] {
  const { added } = set;
  set.added = [];
  return added;
}

/** They could not be stored after all. */
export function giveBack(set: BoundedSet, hashes: readonly string[]): void {
  set.added = [...hashes, ...set.added];
}
