import { Buffer } from 'node:buffer';
import { segmentOrder } from '../../../src/mapping/structure.ts';
import { isPlain, charsetNamed, type ByteString } from '../charset.ts';
import type { Message } from '../message.ts';
import type { NestedSegment } from '../nested.ts';
import { parseMessage } from '../parse.ts';
import type { Endpoint } from './endpoint.ts';
import type { Envelope, WrittenForm } from './envelope.ts';
import { fill, splitPath } from './query.ts';

/** Segments that are taken over as another message has them. */
export interface Taken {
  /** Whose delimiters and character set they are in. */
  readonly from: Message;
  /** By name. */
  readonly segments: ReadonlyMap<string, readonly ByteString[]>;
}

/** A write before its map has run: the header, what the file sets, and what is taken over, in the structure's order. */
export interface Draft {
  readonly message: Message;
  /** Names of segments in the structure's order. */
  readonly order: readonly string[];
}

/** Puts a write together. @throws {FicusError} `unmappable` when a value has no place in the character set. */
export function draftWrite(
  endpoint: Endpoint,
  taken: Taken | undefined,
  envelope: Envelope,
  controlId: string,
): Draft {
  const { request } = endpoint;
  const order = segmentOrder(request.structure ?? []);
  const form = taken ? formOf(taken, envelope) : envelope.form;
  const fixed = new Map<string, Record<number, ReturnType<typeof fill>>>();
  for (const [path, template] of Object.entries(request.set)) {
    const [name, field] = splitPath(path);
    const fields = fixed.get(name) ?? {};
    fields[field] = fill(template, { controlId, now: envelope.now() });
    fixed.set(name, fields);
  }
  const parts: (NestedSegment | ByteString)[] = [];
  for (const name of order) {
    const copies = taken?.segments.get(name) ?? [];
    parts.push(...copies);
    const fields = fixed.get(name);
    if (fields && copies.length === 0) parts.push([name, fields]);
  }
  const text = envelope.write(request.message, controlId, parts, form);
  return { message: parseMessage(Buffer.from(text, 'latin1')), order };
}

/**
 * What is taken over byte for byte must be read as it was meant: its own delimiters, and its own character set unless
 * it is ASCII.
 */
function formOf({ from, segments }: Taken, envelope: Envelope): WrittenForm {
  const { delimiters } = from;
  const plain = segments.values().every((list) => list.every((bytes) => isPlain(bytes)));
  const charset = plain ? undefined : charsetNamed(from.charset);
  if (!charset) return { ...envelope.form, delimiters };
  return { delimiters, charsetInForce: () => charset, charsetName: charset.name };
}
