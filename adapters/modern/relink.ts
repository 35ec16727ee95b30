import { Transform } from 'node:stream';

/**
 * Replaces one base address by another in a stream of JSON bytes, whatever the chunks' borders are; every other
 * byte is kept. The JSON-escaped form (`http:\/\/host\/base`) is replaced by its escaped counterpart.
 */
export interface Relinker {
  /** The bytes that can be written now; may be empty. A possible beginning of a match is held back. */
  push(chunk: Buffer): Buffer;
  /** What was held back. */
  end(): Buffer;
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

export function createRelinker(relinking: Relinking): Relinker {
  const { plain, escaped } = relinking;
  let held: Buffer = EMPTY;

  function replace(data: Buffer, final: boolean): Buffer {
    const pieces: Buffer[] = [];
    let size = 0;
    let done = 0;
    let stop = data.length;
    const keep = (piece: Buffer): void => {
      pieces.push(piece);
      size += piece.length;
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
      keep(data.subarray(done, at));
      keep(pattern.to);
      done = end;
      if (isPlain) nextPlain = findNext(data, plain, end);
      else nextEscaped = findNext(data, escaped, end);
    }
    if (!final && stop === data.length) {
      stop = Math.min(heldFrom(data, plain, done), heldFrom(data, escaped, done));
    }
    held = stop === data.length ? EMPTY : data.subarray(stop);
    if (pieces.length === 0) return stop === data.length ? data : data.subarray(0, stop);
    keep(data.subarray(done, stop));
    return Buffer.concat(pieces, size);
  }

  return {
    push: (chunk) => replace(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    end: () => (held.length === 0 ? EMPTY : replace(held, true)),
  };
}

/** A Relinker as a stream, for bodies that must be decoded first. */
export function createRelinkStream(relinking: Relinking): Transform {
  const relinker = createRelinker(relinking);
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      callback(null, relinker.push(chunk));
    },
    flush(callback) {
      callback(null, relinker.end());
    },
  });
}
