import { PART_BYTES } from './inbox-journal.ts';
import type { Region } from './inbox-journal.ts';

/**
 * Where in the journal the next records go, and what of it is to be filed. The part that is not written is given back
 * when it is filed and synced.
 */
export interface Places {
  /** Whether so many bytes have room in the part that is written. */
  fits(size: number): boolean;
  /** Whether the other part is free, and large enough. */
  fitsBehind(size: number): boolean;
  /** Where the next record goes. */
  readonly next: number;
  /** So many bytes are on disk there. */
  wrote(size: number): void;
  /** Some of so many bytes may be on disk there; they are written over. */
  spoilt(size: number): void;
  /** What was written since this was asked the last time. */
  toFile(): Region;
  /** Goes on at the start of the other part. @returns the number of the part that was left */
  turn(): number;
  /** A part is filed and synced. */
  free(part: number): void;
  /** All of both is: begins anew. What was used stays so until it is erased. */
  reset(): void;
  /** What may hold bytes of messages. */
  used(): readonly Region[];
  erased(): void;
}

export function createPlaces(): Places {
  let part = 0;
  let at = 0;
  let told = 0;
  let taken = [false, false];
  let used = [0, 0];
  const start = (of: number): number => of * PART_BYTES;
  return {
    fits: (size) => at + size <= PART_BYTES,
    fitsBehind: (size) => size <= PART_BYTES && !taken[1 - part],
    get next() {
      return start(part) + at;
    },
    wrote(size) {
      at += size;
      used[part] = Math.max(used[part]!, at);
    },
    spoilt(size) {
      used[part] = Math.max(used[part]!, at + size);
    },
    toFile() {
      const region = { from: start(part) + told, to: start(part) + at };
      told = at;
      return region;
    },
    turn() {
      const left = part;
      taken[left] = true;
      part = 1 - part;
      at = told = 0;
      return left;
    },
    free: (of) => void (taken[of] = false),
    reset() {
      part = at = told = 0;
      taken = [false, false];
    },
    used: () => used.flatMap((bytes, of) => (bytes > 0 ? [{ from: start(of), to: start(of) + bytes }] : [])),
    erased: () => void (used = [0, 0]),
  };
}
