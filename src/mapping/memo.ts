import { Buffer } from 'node:buffer';
import type { Json, Resource } from '../fhir/types.ts';
import type { Step } from './tree.ts';

/** A resource that was read from segments, and what the group said wherever else it was asked. */
export interface ReadBefore {
  /** Shared by all that read it again: never to be changed. */
  readonly resource: Resource;
  readonly answers: readonly Answer[];
}

/** What a group said of the segments of a name, or of one field of one of them; see `saidOf`. */
export interface Answer {
  readonly segment: string;
  readonly field?: { readonly index: number; readonly field: Step };
  readonly said: string;
}

/**
 * What was read before, by the words it was read from. The patients, visits, practitioners and codes of a feed come
 * again and again: they are taken apart once. Kept is only what was read without a loss, so that whatever has to be
 * told is told every time.
 */
export interface Memo {
  readonly values: Recent<Json>;
  /** By what is said of a map's first segment. */
  readonly resources: Recent<readonly ReadBefore[]>;
  /** Whom or what a field names in passing, with its key; null: nobody that can be told apart. */
  readonly mentions: Recent<Resource | null>;
}

/** What was kept of late, by codec. */
export interface Recent<Value> {
  /** To be asked for each time anew: it ages. */
  of(codec: object): Shelf<Value>;
}

/** What was kept of late of one codec, by words. */
export interface Shelf<Value> {
  find(words: string): Value | undefined;
  keep(words: string, value: Value): void;
  /** Whether looking for what a codec read is worth its price: it is not where the words are new each time. */
  worthwhile(): boolean;
}

/** Entries a codec is asked for before it is judged; one in so many has to be there. */
const JUDGED_AFTER = 256;
const LEAST_FOUND = 8;

class AgingShelf<Value> implements Shelf<Value> {
  private young = new Map<string, Value>();
  private old: ReadonlyMap<string, Value> | undefined = undefined;
  private asked = 0;
  private found = 0;
  private readonly counted: () => void;

  constructor(counted: () => void) {
    this.counted = counted;
  }

  find(words: string): Value | undefined {
    this.asked += 1;
    let value = this.young.get(words);
    if (value === undefined) {
      value = this.old?.get(words);
      if (value === undefined) return undefined;
      this.keep(words, value);
    }
    this.found += 1;
    return value;
  }

  keep(words: string, value: Value): void {
    this.young.set(words, value);
    this.counted();
  }

  worthwhile(): boolean {
    return this.asked < JUDGED_AFTER || this.found * LEAST_FOUND > this.asked;
  }

  /** Lets go of what was not found since the last time. Gives whether it was asked, or given anything, since then. */
  age(): boolean {
    const used = this.asked > 0 || this.young.size > 0;
    this.old = this.young;
    this.young = new Map();
    this.asked = 0;
    this.found = 0;
    return used;
  }
}

class Shelves<Value> implements Recent<Value> {
  private readonly shelves = new Map<object, AgingShelf<Value>>();
  private readonly counted: () => void;

  constructor(counted: () => void) {
    this.counted = counted;
  }

  of(codec: object): Shelf<Value> {
    let shelf = this.shelves.get(codec);
    if (!shelf) this.shelves.set(codec, (shelf = new AgingShelf(this.counted)));
    return shelf;
  }

  /** Lets go of what was not found since the last time. Gives whether anything is left. */
  age(): boolean {
    for (const [codec, shelf] of this.shelves) if (!shelf.age()) this.shelves.delete(codec);
    return this.shelves.size > 0;
  }
}

interface MemoShelves extends Memo {
  readonly values: Shelves<Json>;
  readonly resources: Shelves<readonly ReadBefore[]>;
  readonly mentions: Shelves<Resource | null>;
}

/**
 * Memos by name, one for each kind of run whose context is the same; between `most` and twice as many entries in all.
 * @param most entries after which those that were not used since the last time are let go of
 */
export function createMemos(most: number): (name: string) => Memo {
  const memos = new Map<string, MemoShelves>();
  let count = 0;
  const counted = (): void => {
    count += 1;
    if (count < most) return;
    count = 0;
    for (const [name, { values, resources, mentions }] of memos) {
      const used = [values.age(), resources.age(), mentions.age()];
      if (!used.includes(true)) memos.delete(name);
    }
  };
  return (name) => {
    let memo = memos.get(name);
    if (!memo) {
      memo = {
        values: new Shelves(counted),
        resources: new Shelves(counted),
        mentions: new Shelves(counted),
      };
      memos.set(name, memo);
      counted();
    }
    return memo;
  };
}

/** A copy that can be changed. */
export function copyOf<Value extends Json>(value: Value): Value {
  return copied(value, asItIs, asItIs) as Value;
}

/** A copy to be kept: nobody can change it, and its texts do not hold on to the message that they were cut out of. */
export function detached<Value extends Json>(value: Value): Value {
  return copied(value, detachedText, Object.freeze) as Value;
}

/** Texts below this length are copied when they are cut out of others. */
const SHORT = 13;

function detachedText(text: string): string {
  return text.length < SHORT ? text : Buffer.from(text, 'utf16le').toString('utf16le');
}

const asItIs = <Value>(value: Value): Value => value;

/** @param made what becomes of each object and list that is copied */
function copied(value: Json, ofText: (text: string) => string, made: <T>(value: T) => T): Json {
  if (typeof value === 'string') return ofText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return made(value.map((item) => copied(item, ofText, made)));
  if (JSON.isRawJSON(value)) return value;
  const copy: Record<string, Json | undefined> = {};
  for (const name in value) {
    const child = value[name];
    copy[name] = child === undefined ? undefined : copied(child, ofText, made);
  }
  return made(copy);
}
