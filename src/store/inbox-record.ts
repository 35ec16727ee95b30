import { crc32 } from 'node:zlib';
import type { Arrival } from '../feed-ports.ts';

/**
 * A record of the journal: its length behind the check (4 bytes), CRC-32 of all that follows (4), mark (6), `seq` (6),
 * length of the head (4), head, bytes of the message. Numbers are little-endian. The head is JSON in UTF-8: what of an
 * arrival is not its bytes. A length of 0 is the end.
 */
const LENGTH = 0;
const CHECK = 4;
const MARK = 8;
const SEQ = 14;
const HEAD_LENGTH = 20;
const HEAD = 24;

/** An arrival with its number, as the journal has it. */
export interface Recorded {
  readonly seq: number;
  readonly arrival: Arrival;
}

/**
 * Most bytes that the record of an arrival may take: a character takes three bytes at most, or six where JSON escapes
 * it.
 */
export function roomOf({ source, sender, controlId, type, bytes }: Arrival): number {
  return HEAD + 6 * (source.length + sender.length + controlId.length + type.length) + 64 + bytes.byteLength;
}

/**
 * Writes a record, for which there must be room.
 * @param mark of the time since the journal was begun anew @returns the offset behind it
 */
export function writeRecord(into: Buffer, at: number, mark: number, seq: number, arrival: Arrival): number {
  const { source, sender, controlId, type, at: time, sequence, bytes } = arrival;
  const head = JSON.stringify([source, sender, controlId, type, time, sequence ?? null]);
  const headLength = into.write(head, at + HEAD);
  const end = at + HEAD + headLength + bytes.byteLength;
  into.set(bytes, at + HEAD + headLength);
  into.writeUIntLE(mark, at + MARK, 6);
  into.writeUIntLE(seq, at + SEQ, 6);
  into.writeUInt32LE(headLength, at + HEAD_LENGTH);
  into.writeUInt32LE(end - at - MARK, at + LENGTH);
  into.writeUInt32LE(crc32(into.subarray(at + MARK, end)), at + CHECK);
  return end;
}

/**
 * Records one after another, until one that is none, is torn, or has another mark.
 * @returns them, their bytes as parts of what is read; and the offset behind the last
 */
export function readRecords(
  from: Buffer,
  mark: number,
): { readonly records: readonly Recorded[]; readonly end: number } {
  const records: Recorded[] = [];
  let at = 0;
  while (at + HEAD <= from.length) {
    const end = at + MARK + from.readUInt32LE(at + LENGTH);
    const whole = end >= at + HEAD && end <= from.length;
    if (!whole || from.readUInt32LE(at + CHECK) !== crc32(from.subarray(at + MARK, end))) break;
    if (from.readUIntLE(at + MARK, 6) !== mark) break;
    const bytesAt = at + HEAD + from.readUInt32LE(at + HEAD_LENGTH);
    const arrival = arrivalOf(from.toString('utf8', at + HEAD, bytesAt), from.subarray(bytesAt, end));
    records.push({ seq: from.readUIntLE(at + SEQ, 6), arrival });
    at = end;
  }
  return { records, end: at };
}

/** @param head as it is in a record, and was in `content` */
export function arrivalOf(head: string, bytes: Uint8Array): Arrival {
  const [source, sender, controlId, type, at, sequence] = JSON.parse(head) as [
    string,
    string,
    string,
    string,
    number,
    number | null,
  ];
  return { source, sender, controlId, type, at, bytes, ...(sequence === null ? {} : { sequence }) };
}
