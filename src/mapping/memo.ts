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

/** What was kept of late, by codec and words. */
export interface Recent<Value> {
  find(codec: object, words: string): Value | undefined;
  keep(codec: object, words: string, value: Value): void;
  /** Whether looking for what a codec read is worth its price: it is not where the words are new each time. */
  worthwhile(codec: object): boolean;
}

/** Entries a codec is asked for before it is judged; one in so many has to be there. */
const JUDGED_AFTER = 256;
const LEAST_FOUND = 8;

interface Shelf<Value> {
  readonly entries: Map<string, Value>;
  asked: number;
  found: number;
}

class Shelves<Value> implements Recent<Value> {
  private young = new Map<object, Shelf<Value>>();
  private old = new Map<object, Shelf<Value>>();
  private readonly counted: () => void;

  constructor(counted: () => void) {
    this.counted = counted;
  }

  find(codec: object, words: string): Value | undefined {
    const shelf = this.shelfOf(codec);
    shelf.asked += 1;
    let value = shelf.entries.get(words);
    if (value === undefined) {
      value = this.old.get(codec)?.entries.get(words);
      if (value === undefined) return undefined;
      this.keep(codec, words, value);
    }
    shelf.found += 1;
    return value;
  }

  keep(codec: object, words: string, value: Value): void {
    this.shelfOf(codec).entries.set(words, value);
    this.counted();
  }

  worthwhile(codec: object): boolean {
    const { asked, found } = this.shelfOf(codec);
    return asked < JUDGED_AFTER || found * LEAST_FOUND > asked;
  }

  /** Lets go of what was not found since the last time. Gives whether anything is left. */
  age(): boolean {
    this.old = this.young;
    this.young = new Map();
    return this.old.size > 0;
  }

  private shelfOf(codec: object): Shelf<Value> {
    let shelf = this.young.get(codec);
    if (!shelf) this.young.set(codec, (shelf = { entries: new Map(), asked: 0, found: 0 }));
    return shelf;
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
