import { Transform } from 'node:stream';

/**
 * Replaces one base address by another in a stream of JSON bytes, whatever the chunks' borders are; every other
 * byte is kept. The JSON-escaped form (`http:\/\/host\/base`) is replaced by its escaped counterpart.
 */
export interface Relinker {
  /**
   * The bytes that can be written now, in pieces; perhaps none. A possible beginning of a match is held back. The chunk
   * is the Relinker's from here on: a match is replaced within it, for a copy of every large body would keep the
   * garbage collector busier than all else.
   */
  push(chunk: Buffer): readonly Buffer[];
  /** What was held back. */
  end(): readonly Buffer[];
}

interface Pattern {
  readonly from: Buffer;
  readonly to: Buffer;
  /** What is looked for: `from` from its slashes on. They are rarer in JSON than the letters of a scheme. */
  readonly anchor: Buffer;
  /** Bytes of `from` before the anchor. */
  readonly ahead: number;
}

/** The two forms of one replacement, encoded once and used for many streams. */
export interface Relinking {
  readonly plain: Pattern;
  readonly escaped: Pattern;
}

/** One occurrence of a pattern. */
interface Match {
  readonly start: number;
  readonly pattern: Pattern;
}

const EMPTY = Buffer.alloc(0);
const BACKSLASH = 0x5c;

function createPattern(from: string, to: string, slashes: string): Pattern {
  const encoded = Buffer.from(from);
  const ahead = Math.max(0, encoded.indexOf(slashes));
  return { from: encoded, to: Buffer.from(to), anchor: encoded.subarray(ahead), ahead };
}

/** @param from and `to`: base addresses without a trailing slash. */
export function createRelinking(from: string, to: string): Relinking {
  const escape = (text: string): string => text.replaceAll('/', '\\/');
  return {
    plain: createPattern(from, to, '//'),
    escaped: createPattern(escape(from), escape(to), '\\/\\/'),
  };
}

/**
 * Whether a byte carries an address on, so that what stands before it is another one: `http://host/fhir2`,
 * `http://host:99`, `http://host.example`.
 */
const CARRIES_ON: readonly boolean[] = Array.from({ length: 256 }, (_, byte) =>
  /[a-zA-Z0-9@:._~%-]/.test(String.fromCharCode(byte)),
);

/** The next occurrence of a pattern that ends where the address ends, or where the data does. */
function findNext(data: Buffer, pattern: Pattern, from: number): number {
  const { anchor, ahead } = pattern;
  let at = data.indexOf(anchor, from + ahead);
  while (at !== -1) {
    const after = data[at + anchor.length];
    const ends = after === undefined || !CARRIES_ON[after];
    if (ends && begins(data, pattern, at - ahead)) return at - ahead;
    at = data.indexOf(anchor, at + 1);
  }
  return -1;
}

/** Whether what a pattern has before its anchor stands here. */
function begins(data: Buffer, pattern: Pattern, start: number): boolean {
  for (let at = 0; at < pattern.ahead; at += 1) if (data[start + at] !== pattern.from[at]) return false;
  return true;
}

/** Where the longest tail begins that is a proper beginning of the pattern; `data.length` when there is none. */
function heldFrom(data: Buffer, pattern: Pattern, from: number): number {
  const first = pattern.from[0] ?? 0;
  let at = data.indexOf(first, Math.max(from, data.length - pattern.from.length + 1));
  while (at !== -1) {
    if (data.compare(pattern.from, 0, data.length - at, at) === 0) return at;
    at = data.indexOf(first, at + 1);
  }
  return data.length;
}

/**
 * Writes `data`, from one of its matches up to `end`, with the matches replaced. The target may be the data itself
 * where no replacement is longer. Gives where it came to.
 */
function replaceAhead(
  data: Buffer,
  matches: readonly Match[],
  first: number,
  end: number,
  target: Buffer,
  to: number,
): number {
  let at = to;
  for (let index = first; index < matches.length; index += 1) {
    const { start, pattern } = matches[index]!;
    const gapStart = start + pattern.from.length;
    const gapEnd = matches[index + 1]?.start ?? end;
    target.set(pattern.to, at);
    at += pattern.to.length;
    if (target === data) data.copyWithin(at, gapStart, gapEnd);
    else data.copy(target, at, gapStart, gapEnd);
    at += gapEnd - gapStart;
  }
  return at;
}

/**
 * Replaces the first `count` matches within `data` from the last on, so that what stands before the next one ends at
 * `to`.
 */
function replaceBack(data: Buffer, matches: readonly Match[], count: number, to: number): void {
  let end = matches[count]!.start;
  let at = to;
  for (let index = count - 1; index >= 0; index -= 1) {
    const { start, pattern } = matches[index]!;
    const gapStart = start + pattern.from.length;
    at -= end - gapStart;
    data.copyWithin(at, gapStart, end);
    at -= pattern.to.length;
    data.set(pattern.to, at);
    end = start;
  }
}

const growthOf = ({ pattern }: Match): number => pattern.to.length - pattern.from.length;

/**
 * The first `size` bytes of `data` with the matches replaced: within `data` as far as they fit there, what is then
 * longer in a piece of its own.
 */
function replaceWithin(data: Buffer, size: number, matches: readonly Match[]): readonly Buffer[] {
  if (matches.every((match) => growthOf(match) <= 0)) {
    return [data.subarray(0, replaceAhead(data, matches, 0, size, data, matches[0]!.start))];
  }
  // From the first match whose replacement would begin beyond the size on, at least the last one, into the other piece.
  let ownFrom = 0;
  let ownAt = matches[0]!.start;
  if (matches.every((match) => growthOf(match) >= 0)) {
    for (let growth = 0, index = 0; index < matches.length; index += 1) {
      const at = matches[index]!.start + growth;
      if (at > size) break;
      ownFrom = index;
      ownAt = at;
      growth += growthOf(matches[index]!);
    }
  }
  const length = matches.reduce((sum, match) => sum + growthOf(match), size);
  const own = Buffer.allocUnsafe(length - ownAt);
  replaceAhead(data, matches, ownFrom, size, own, 0);
  replaceBack(data, matches, ownFrom, ownAt);
  return [data.subarray(0, ownAt), own];
}

/** What is replaced in `data`, and where what must be held back begins: nothing is when it is all there is. */
function findAll(
  data: Buffer,
  { plain, escaped }: Relinking,
  final: boolean,
): { readonly matches: readonly Match[]; readonly stop: number } {
  const matches: Match[] = [];
  let done = 0;
  let nextPlain = findNext(data, plain, 0);
  let nextEscaped = data.includes(BACKSLASH) ? findNext(data, escaped, 0) : -1;
  while (nextPlain !== -1 || nextEscaped !== -1) {
    const isPlain = nextEscaped === -1 || (nextPlain !== -1 && nextPlain < nextEscaped);
    const pattern = isPlain ? plain : escaped;
    const start = isPlain ? nextPlain : nextEscaped;
    const end = start + pattern.from.length;
    if (end === data.length && !final) return { matches, stop: start };
    matches.push({ start, pattern });
    done = end;
    if (isPlain) nextPlain = findNext(data, plain, end);
    else nextEscaped = findNext(data, escaped, end);
  }
  const stop = final ? data.length : Math.min(heldFrom(data, plain, done), heldFrom(data, escaped, done));
  return { matches, stop };
}

export function createRelinker(relinking: Relinking): Relinker {
  let held: Buffer = EMPTY;

  function replace(data: Buffer, final: boolean): readonly Buffer[] {
    const { matches, stop } = findAll(data, relinking, final);
    held = stop === data.length ? EMPTY : data.subarray(stop);
    if (matches.length > 0) return replaceWithin(data, stop, matches);
    return stop === 0 ? [] : [stop === data.length ? data : data.subarray(0, stop)];
  }

  return {
    push: (chunk) => replace(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    end: () => (held.length === 0 ? [] : replace(held, true)),
  };
}

/** What a Relinker makes of a whole body. The bytes are its own from here on, as those of `push` are. */
export function relinked(whole: Buffer, relinking: Relinking): Buffer {
  const { matches } = findAll(whole, relinking, true);
  if (matches.length === 0) return whole;
  const pieces = replaceWithin(whole, whole.length, matches);
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** A Relinker as a stream, for bodies that must be decoded first. */
export function createRelinkStream(relinking: Relinking): Transform {
  const relinker = createRelinker(relinking);
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      for (const piece of relinker.push(chunk)) this.push(piece);
      callback();
    },
    flush(callback) {
      for (const piece of relinker.end()) this.push(piece);
      callback();
    },
  });
}
