import { Transform } from 'node:stream';

/**
 * Replaces one base address by another in a stream of JSON bytes, whatever the chunks' borders are; every other
 * byte is kept. The JSON-escaped form (`http:\/\/host\/base`) is replaced by its escaped counterpart.
 */
export interface Relinker {
  /**
   * The bytes that can be written now, in pieces; perhaps none. A possible beginning of a match is held back. The chunk
   * is the Relinker's from here on: a match is replaced within it, for a copy of every large body would keep the garbage
   * collector busier than all else.
   */
  push(chunk: Buffer): readonly Buffer[];
  /** What was held back. */
  end(): readonly Buffer[];
}

interface Pattern {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** The two forms of one replacement, encoded once and used for many streams. */
export interface Relinking {
  readonly plain: Pattern;
  readonly escaped: Pattern;
}

const EMPTY = Buffer.alloc(0);
const BACKSLASH = 0x5c;

/** @param from and `to`: base addresses without a trailing slash. */
export function createRelinking(from: string, to: string): Relinking {
  const pattern = (escape: (text: string) => string): Pattern => ({
    from: Buffer.from(escape(from)),
    to: Buffer.from(escape(to)),
  });
  return {
    plain: pattern((text) => text),
    escaped: pattern((text) => text.replaceAll('/', '\\/')),
  };
}

/**
 * Whether this byte carries an address on, so that what stands before it is another one:
 * `http://host/fhir2`, `http://host:99`, `http://host.example`.
 */
function carriesOn(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) || // a-z
    (byte >= 0x40 && byte <= 0x5a) || // @ A-Z
    (byte >= 0x30 && byte <= 0x3a) || // 0-9 :
    byte === 0x2d || // -
    byte === 0x2e || // .
    byte === 0x5f || // _
    byte === 0x7e || // ~
    byte === 0x25 // %
  );
}

/** The next occurrence of a pattern that ends where the address ends; `undecided` when the next byte is not here yet. */
function findNext(data: Buffer, pattern: Pattern, from: number): number {
  let at = data.indexOf(pattern.from, from);
  while (at !== -1) {
    const after = data[at + pattern.from.length];
    if (after === undefined || !carriesOn(after)) return at;
    at = data.indexOf(pattern.from, at + 1);
  }
  return -1;
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

/** A stretch of bytes and where it goes. */
interface Move {
  readonly source: Buffer;
  readonly start: number;
  readonly end: number;
  readonly to: number;
}

/**
 * Makes the moves within `data`, whose first `size` bytes they come from; what is then longer than that is a piece of its
 * own. Moves that all go back are made from the first on, those that all go ahead from the last on, so that none is made
 * over bytes that still have to be moved; where they go both ways they are made from a copy.
 */
function rearrange(data: Buffer, size: number, moves: readonly Move[], length: number): readonly Buffer[] {
  const ahead = moves.every(({ source, start, to }) => source !== data || to >= start);
  const back = moves.every(({ source, start, to }) => source !== data || to <= start);
  const origin = ahead || back ? data : Buffer.from(data);
  const inPlace = data.subarray(0, Math.min(size, length));
  const beyond = Buffer.allocUnsafe(Math.max(0, length - size));
  for (const { source, start, end, to } of ahead ? moves.toReversed() : moves) {
    const from = source === data ? origin : source;
    const fits = Math.max(start, Math.min(end, start + size - to));
    // The part beyond first: the other may be moved over it.
    if (fits < end) from.copy(beyond, to + fits - start - size, fits, end);
    if (fits > start && (from !== data || to !== start)) from.copy(data, to, start, fits);
  }
  return beyond.length === 0 ? [inPlace] : [inPlace, beyond];
}

export function createRelinker(relinking: Relinking): Relinker {
  const { plain, escaped } = relinking;
  let held: Buffer = EMPTY;

  function replace(data: Buffer, final: boolean): readonly Buffer[] {
    const moves: Move[] = [];
    let length = 0;
    let done = 0;
    let stop = data.length;
    const move = (source: Buffer, start: number, end: number): void => {
      if (end > start) moves.push({ source, start, end, to: length });
      length += end - start;
    };
    let nextPlain = findNext(data, plain, 0);
    let nextEscaped = data.includes(BACKSLASH) ? findNext(data, escaped, 0) : -1;
    while (nextPlain !== -1 || nextEscaped !== -1) {
      const isPlain = nextEscaped === -1 || (nextPlain !== -1 && nextPlain < nextEscaped);
      const pattern = isPlain ? plain : escaped;
      const at = isPlain ? nextPlain : nextEscaped;
      const end = at + pattern.from.length;
      if (end === data.length && !final) {
        stop = at;
        break;
      }
      move(data, done, at);
      move(pattern.to, 0, pattern.to.length);
      done = end;
      if (isPlain) nextPlain = findNext(data, plain, end);
      else nextEscaped = findNext(data, escaped, end);
    }
    if (!final && stop === data.length) {
      stop = Math.min(heldFrom(data, plain, done), heldFrom(data, escaped, done));
    }
    held = stop === data.length ? EMPTY : data.subarray(stop);
    if (done === 0) return stop === 0 ? [] : [stop === data.length ? data : data.subarray(0, stop)];
    move(data, done, stop);
    return rearrange(data, stop, moves, length);
  }

  return {
    push: (chunk) => replace(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    end: () => (held.length === 0 ? [] : replace(held, true)),
  };
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
