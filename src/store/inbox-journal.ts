import { randomInt } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The journal is a file of two parts: while one is written, what is in the other is filed. */
export const PART_BYTES = 4 << 20;
const PARTS = 2;
const FILE_BYTES = PARTS * PART_BYTES;

/** Offsets within the file. */
export interface Region {
  readonly from: number;
  readonly to: number;
}

/** Each part, whole. */
export const WHOLE_PARTS: readonly Region[] = Array.from({ length: PARTS }, (_, part) => ({
  from: part * PART_BYTES,
  to: (part + 1) * PART_BYTES,
}));

/** Where the journal of an inbox is. */
export function journalOf(inbox: string): string {
  return `${inbox}.arrivals`;
}

/** A new mark: records that bear another one are of the time before the journal was begun anew. */
export function newMark(): number {
  return randomInt(1, 2 ** 48 - 1);
}

/** The side of whoever files: reads, and overwrites with zeros. Synchronous, for a thread of its own. */
export interface JournalFile {
  read(region: Region): Buffer;
  /** Overwrites with zeros, synced. */
  erase(regions: readonly Region[]): void;
  close(): void;
}

/**
 * Opens the journal, or makes it: written with zeros to its end once, so that a sync of what is written later has no
 * metadata to write. Readable by this user only.
 *
 * @throws Error when there is no file to be had
 */
export function openJournalFile(path: string): JournalFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const zeros = (from: number, to: number): void => {
    for (let at = from; at < to;) at += writeSync(file, Buffer.alloc(to - at), 0, to - at, at);
  };
  try {
    const size = fstatSync(file).size;
    if (size < FILE_BYTES) {
      zeros(size, FILE_BYTES);
      fsyncSync(file);
      syncFolder(dirname(path));
    }
  } catch (error) {
    closeSync(file);
    throw error;
  }
  const read = ({ from, to }: Region): Buffer => {
    const bytes = Buffer.allocUnsafeSlow(to - from);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(file, bytes, at, bytes.length - at, from + at);
      if (count === 0) throw new Error('the journal is shorter than it was made');
      at += count;
    }
    return bytes;
  };
  return {
    read,
    erase(regions) {
      for (const { from, to } of regions) zeros(from, to);
      fdatasyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** The name of a new file is safe when its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The side of whoever appends. One write at a time; it is on disk when it is done. */
export interface JournalWriter {
  /** Calls back when the bytes are on disk, or with why they may not be. */
  write(bytes: Buffer, at: number, done: (error?: Error) => void): void;
  /** Returns when the bytes are on disk: nothing else is done meanwhile. @throws Error with why they may not be */
  writeNow(bytes: Buffer, at: number): void;
  /** Not while it writes. */
  close(): void;
}

/**
 * Opens a journal that is there. What is written is synced by the write itself (O_DSYNC): one way to the pool of
 * threads and back.
 */
export function openJournalWriter(path: string): JournalWriter {
  const file = openSync(path, constants.O_WRONLY | constants.O_DSYNC);
  const writeFrom = (bytes: Buffer, from: number, at: number, done: (error?: Error) => void): void =>
    write(file, bytes, from, bytes.length - from, at + from, (error, count) => {
      if (error) done(error);
      else if (from + count < bytes.length) writeFrom(bytes, from + count, at, done);
      else done();
    });
  return {
    write: (bytes, at, done) => writeFrom(bytes, 0, at, done),
    writeNow(bytes, at) {
      for (let from = 0; from < bytes.length;)
        from += writeSync(file, bytes, from, bytes.length - from, at + from);
    },
    close: () => closeSync(file),
  };
}
