import type { ByteString } from '../charset.ts';
import { DEFAULT_DELIMITERS } from '../delimiters.ts';
import type { Delimiters } from '../delimiters.ts';
import { readDelimiters, skipLead } from '../parse.ts';

/** The header of a batch or of a file: FHS or BHS. */
export interface EnvelopeHeader {
  readonly name: 'FHS' | 'BHS';
  readonly delimiters: Delimiters;
  /** The bytes of field n at n - 1. */
  readonly fields: readonly ByteString[];
}

/** What one frame holds. */
export interface FrameContent {
  /** Each from its MSH on, in order; what is no message at all is one all the same. */
  readonly messages: readonly Buffer[];
  /** FHS and BHS, in order; empty where a message stands alone. */
  readonly headers: readonly EnvelopeHeader[];
  /** BTS-1 of the batches, added up; undefined where one does not say. */
  readonly announced: number | undefined;
}

const ENVELOPE: ReadonlySet<string> = new Set(['FHS', 'BHS', 'BTS', 'FTS']);
const MSH = Buffer.from('MSH');
const CR = 0x0d;
const LF = 0x0a;

/**
 * Takes the messages of one frame apart: one, or a batch or file of them (HL7 v2.5.1 §2.10.3), or several one after
 * another. Never throws: a message that is damaged is one of its own, and refused alone.
 */
export function splitFrame(payload: Buffer): FrameContent {
  const start = skipLead(payload);
  if (startsWithHeader(payload, start) && !hasSecondHeader(payload, start))
    return { messages: [payload], headers: [], announced: undefined };
  return takeApart(payload, start);
}

function startsWithHeader(payload: Buffer, start: number): boolean {
  return payload[start] === MSH[0] && payload[start + 1] === MSH[1] && payload[start + 2] === MSH[2];
}

function hasSecondHeader(payload: Buffer, start: number): boolean {
  const separator = payload[start + 3];
  for (let at = payload.indexOf(MSH, start + 4); at !== -1; at = payload.indexOf(MSH, at + 3)) {
    if (isEnd(payload[at - 1]) && payload[at + 3] === separator) return true;
  }
  return false;
}

function isEnd(code: number | undefined): boolean {
  return code === CR || code === LF;
}

function takeApart(payload: Buffer, start: number): FrameContent {
  const messages: Buffer[] = [];
  const headers: EnvelopeHeader[] = [];
  let open = -1;
  let announced: number | undefined = 0;
  let trailers = 0;
  const close = (at: number): void => {
    if (open !== -1 && at > open) messages.push(payload.subarray(open, at));
    open = -1;
  };
  for (const { from, end } of lines(payload, start)) {
    const name = payload.toString('latin1', from, from + 3);
    const header = name === 'MSH' || ENVELOPE.has(name);
    // A word of a text may begin like a header: its fourth character tells.
    if (header && !isWordCharacter(payload[from + 3])) {
      close(from);
      if (name === 'MSH') open = from;
      else if (name === 'FHS' || name === 'BHS') headers.push(readEnvelope(name, payload, from, end));
      else if (name === 'BTS') {
        trailers++;
        announced = added(announced, countOf(payload.toString('latin1', from, end), headers));
      }
    } else if (open === -1) {
      // A line that belongs to no message: kept as one, so that it is refused and not lost.
      open = from;
    }
  }
  close(payload.length);
  return { messages, headers, announced: trailers === 0 ? undefined : announced };
}

function* lines(payload: Buffer, start: number): Generator<{ readonly from: number; readonly end: number }> {
  let from = start;
  while (from < payload.length) {
    let end = from;
    while (end < payload.length && !isEnd(payload[end])) end++;
    if (end > from) yield { from, end };
    from = end + 1;
  }
}

function isWordCharacter(code: number | undefined): boolean {
  return code !== undefined && /[A-Za-z0-9 ]/.test(String.fromCharCode(code));
}

function readEnvelope(name: 'FHS' | 'BHS', payload: Buffer, from: number, end: number): EnvelopeHeader {
  const line = payload.toString('latin1', from, end);
  let delimiters: Delimiters;
  try {
    delimiters = readDelimiters(payload, from);
  } catch {
    delimiters = DEFAULT_DELIMITERS;
  }
  return { name, delimiters, fields: line.split(delimiters.field) };
}

function countOf(line: string, headers: readonly EnvelopeHeader[]): number | undefined {
  const separator = headers.at(-1)?.delimiters.field ?? '|';
  const text = line.split(separator)[1]?.trim() ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function added(sum: number | undefined, count: number | undefined): number | undefined {
  return sum === undefined || count === undefined ? undefined : sum + count;
}
