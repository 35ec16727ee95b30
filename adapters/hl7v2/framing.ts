import { FicusError } from '../../src/errors.ts';

const VT = 0x0b;
const FS = 0x1c;
const CR = 0x0d;
/** Names of the segments that a frame begins with. */
const HEADERS = ['MSH', 'FHS', 'BHS'].map((name) => Buffer.from(name));

/** What the bytes of an MLLP connection turn out to be. */
export type FrameEvent =
  /** One message. The payload may share memory with the chunk it came in. */
  | { readonly kind: 'frame'; readonly payload: Buffer }
  /** Bytes between frames, dropped. */
  | { readonly kind: 'noise'; readonly bytes: number }
  /** A frame longer than allowed: its bytes are dropped, up to its end. */
  | { readonly kind: 'overlong'; readonly limit: number }
  /** A frame broke off: the stream ended inside it, or the next one began. */
  | { readonly kind: 'truncated'; readonly bytes: number };

/**
 * MLLP release 1 (HL7 v2.5.1 implementation guide, appendix C): `0x0B payload 0x1C 0x0D`. A pure state machine: bytes
 * in, events out, the same events however the bytes are cut. Work and memory are linear in what comes, memory bounded
 * by the limit.
 *
 * 0x1C ends a frame when 0x0D follows, or when the next frame's start (0x0B and MSH, FHS or BHS) does: a sender that
 * leaves out the final CR is understood, and 0x1C inside a payload is only a byte. Such a sender that then waits for
 * its answer leaves `awaitingEnd` true: whoever owns the clock calls `settle` after a moment of silence.
 *
 * The start of a frame inside of one means that its sender gave the former up: what there is of it is dropped. Read on,
 * the one would end with the segments of the other, of another patient maybe.
 */
export interface Deframer {
  feed(chunk: Uint8Array): FrameEvent[];
  /** True when a frame would be complete but for its final CR. */
  readonly awaitingEnd: boolean;
  /** True while a frame has begun and not ended. */
  readonly inside: boolean;
  /**
   * Takes the awaited end as given: the frame without its final CR. A CR that comes later is dropped without a word.
   */
  settle(): FrameEvent[];
  /** The stream has ended: the frame that lacks but its final CR, or the news that one was cut off. */
  end(): FrameEvent[];
}

type State = 'between' | 'inside' | 'skipping';

/** @param maxBytes longest payload in bytes. */
export function createDeframer(maxBytes: number): Deframer {
  let state: State = 'between';
  const held = createHeld();
  /** Bytes at the end of what was fed that may belong to a frame's end or start: FS, or [FS] VT and up to two letters. */
  let tail: Buffer = Buffer.alloc(0);
  let swallowCr = false;
  let noise = 0;

  const flushNoise = (events: FrameEvent[]): void => {
    if (noise > 0) events.push({ kind: 'noise', bytes: noise });
    noise = 0;
  };

  const keep = (bytes: Buffer, events: FrameEvent[]): void => {
    if (state === 'skipping') return;
    if (held.length + bytes.length > maxBytes) {
      held.clear();
      state = 'skipping';
      events.push({ kind: 'overlong', limit: maxBytes });
      return;
    }
    held.add(bytes);
  };

  /** Ends the frame with these last bytes. */
  const close = (last: Buffer, events: FrameEvent[]): void => {
    if (state === 'inside' && held.length === 0 && last.length <= maxBytes) {
      events.push({ kind: 'frame', payload: last });
    } else {
      keep(last, events);
      if (state === 'inside') events.push({ kind: 'frame', payload: held.take() });
    }
    state = 'between';
  };

  /** Drops what is between frames; returns the offset behind the next frame's start, or the chunk's length. */
  const seekStart = (chunk: Buffer, from: number, events: FrameEvent[]): number => {
    let at = from;
    if (swallowCr && at < chunk.length) {
      if (chunk[at] === CR) at++;
      swallowCr = false;
    }
    const start = chunk.indexOf(VT, at);
    noise += (start === -1 ? chunk.length : start) - at;
    if (start === -1) return chunk.length;
    flushNoise(events);
    state = 'inside';
    return start + 1;
  };

  /** Drops the frame that broke off. */
  const breakOff = (bytes: number, events: FrameEvent[]): void => {
    if (state === 'inside' && bytes > 0) events.push({ kind: 'truncated', bytes });
    held.clear();
    state = 'between';
  };

  /** Takes payload up to the frame's end, or the next one's start; returns the offset behind it, or the chunk's length. */
  const seekEnd = (chunk: Buffer, from: number, events: FrameEvent[]): number => {
    let fs = chunk.indexOf(FS, from);
    let vt = chunk.indexOf(VT, from);
    while (fs !== -1 || vt !== -1) {
      const starts = fs === -1 || (vt !== -1 && vt < fs);
      const at = starts ? vt : fs;
      const what = starts ? startAt(chunk, vt) : endAt(chunk, fs);
      if (what === 'end') {
        close(chunk.subarray(from, at), events);
        return at + 2;
      }
      if (what === 'end-without-cr') {
        close(chunk.subarray(from, at), events);
        return at + 1;
      }
      if (what === 'start') {
        breakOff(held.length + at - from, events);
        return at;
      }
      if (what === 'unknown') {
        keep(chunk.subarray(from, at), events);
        tail = Buffer.from(chunk.subarray(at));
        return chunk.length;
      }
      if (starts) vt = chunk.indexOf(VT, at + 1);
      else fs = chunk.indexOf(FS, at + 1);
    }
    keep(chunk.subarray(from), events);
    return chunk.length;
  };

  const feed = (chunk: Uint8Array): FrameEvent[] => {
    const events: FrameEvent[] = [];
    let bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (tail.length > 0) {
      // At most four bytes are looked at again.
      bytes = Buffer.concat([tail, bytes]);
      tail = Buffer.alloc(0);
    }
    let at = 0;
    while (at < bytes.length)
      at = state === 'between' ? seekStart(bytes, at, events) : seekEnd(bytes, at, events);
    flushNoise(events);
    return events;
  };

  const awaitsCr = (): boolean => tail.length === 1 && tail[0] === FS;

  const settle = (): FrameEvent[] => {
    const events: FrameEvent[] = [];
    if (!awaitsCr()) return events;
    tail = Buffer.alloc(0);
    close(Buffer.alloc(0), events);
    swallowCr = true;
    return events;
  };

  return {
    feed,
    settle,
    get awaitingEnd() {
      return awaitsCr();
    },
    get inside() {
      return state !== 'between';
    },
    end: () => {
      if (awaitsCr()) return settle();
      const bytes = held.length + tail.length;
      const cut = state !== 'between';
      tail = Buffer.alloc(0);
      held.clear();
      state = 'between';
      return cut ? [{ kind: 'truncated', bytes }] : [];
    },
  };
}

/** Whether the FS at this offset ends a frame, as far as the bytes at hand tell. */
function endAt(bytes: Buffer, fs: number): 'end' | 'end-without-cr' | 'payload' | 'unknown' {
  const next = bytes[fs + 1];
  if (next === CR) return 'end';
  if (next === undefined) return 'unknown';
  if (next !== VT) return 'payload';
  const what = startAt(bytes, fs + 1);
  return what === 'start' ? 'end-without-cr' : what;
}

/** Whether the VT at this offset starts a frame, as far as the bytes at hand tell. */
function startAt(bytes: Buffer, vt: number): 'start' | 'payload' | 'unknown' {
  for (const header of HEADERS) {
    let length = 0;
    while (length < 3 && bytes[vt + 1 + length] === header[length]) length++;
    if (length === 3) return 'start';
    if (vt + 1 + length === bytes.length) return 'unknown';
  }
  return 'payload';
}

/**
 * Bytes of a frame that comes in pieces: one buffer that doubles, so that any number of pieces costs linear time and
 * bounded memory.
 */
function createHeld() {
  let buffer = Buffer.alloc(0);
  let length = 0;
  return {
    get length() {
      return length;
    },
    add: (bytes: Buffer): void => {
      if (length + bytes.length > buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(2 * buffer.length, length + bytes.length, 1024));
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      bytes.copy(buffer, length);
      length += bytes.length;
    },
    /** Hands the bytes over and starts anew. */
    take: (): Buffer => {
      const taken = buffer.subarray(0, length);
      buffer = Buffer.alloc(0);
      length = 0;
      return taken;
    },
    clear: (): void => {
      buffer = Buffer.alloc(0);
      length = 0;
    },
  };
}

/**
 * A payload as a frame, in one buffer.
 * @throws {FicusError} `unmappable` when the payload holds what a reader would take for a frame's end or start.
 */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + 3);
  frame[0] = VT;
  frame.set(payload, 1);
  frame[payload.length + 1] = FS;
  frame[payload.length + 2] = CR;
  for (let fs = frame.indexOf(FS, 1); fs <= payload.length; fs = frame.indexOf(FS, fs + 1))
    if (endAt(frame, fs) !== 'payload') throw unsendable();
  for (let vt = frame.indexOf(VT, 1); vt !== -1; vt = frame.indexOf(VT, vt + 1))
    if (startAt(frame, vt) !== 'payload') throw unsendable();
  return frame;
}

function unsendable(): FicusError {
  return new FicusError(
    'unmappable',
    'A message that holds the end or the start of an MLLP frame cannot be sent.',
  );
}
