import { Buffer } from 'node:buffer';
import type { ByteString } from '../charset.ts';
import type { NestedRepetition } from '../nested.ts';
import { encodeSegment, repeat } from '../nested.ts';
import type { Criterion } from './criteria.ts';
import type { Endpoint } from './endpoint.ts';
import type { Envelope } from './envelope.ts';

/** One query message: what is asked, how much, and where it goes on. */
export interface QueryParts {
  readonly criteria: readonly Criterion[];
  /** QPD-2: the same in every instalment of one query. */
  readonly tag: string;
  /** Largest number of records in the answer; absent: all. */
  readonly count?: number;
  /** DSC-1 of the answer that this continues. */
  readonly pointer?: string;
}

/** Field numbers and values of the segments being built, by name, in the order they were named. */
type Segments = Map<string, Record<number, NestedRepetition | ReturnType<typeof repeat>>>;

/**
 * Writes the query of an endpoint (HL7 v2.5.1 §5.3.1: MSH, QPD, RCP, DSC; or the segments that the file sets, for the
 * queries before v2.4). Criteria whose field begins with `@` become QPD-3 (QIP: name and value), others the field they
 * name.
 */
export function writeQuery(
  endpoint: Endpoint,
  parts: QueryParts,
  envelope: Envelope,
  controlId: string,
): Buffer {
  const segments = querySegments(endpoint, parts, envelope, controlId);
  return Buffer.from(envelope.write(endpoint.request.message, controlId, segments), 'latin1');
}

/** What follows MSH, segment by segment, without segment ends. */
export function querySegments(
  endpoint: Endpoint,
  parts: QueryParts,
  envelope: Envelope,
  controlId: string,
): ByteString[] {
  const { request, file } = endpoint;
  const segments: Segments = new Map();
  const fieldsOf = (name: string) => {
    let fields = segments.get(name);
    if (!fields) segments.set(name, (fields = {}));
    return fields;
  };
  if (request.query !== undefined) {
    const named = parts.criteria.filter(({ field }) => field.startsWith('@'));
    Object.assign(fieldsOf('QPD'), {
      1: request.query,
      2: parts.tag,
      3: repeat(...named.map(({ field, value }) => [field, value])),
    });
  }
  for (const [path, template] of Object.entries(request.set)) {
    const [name, field] = splitPath(path);
    fieldsOf(name)[field] = fill(template, { tag: parts.tag, controlId, now: envelope.now() });
  }
  for (const { field: path, value } of parts.criteria) {
    if (path.startsWith('@')) continue;
    const [name, field] = splitPath(path);
    fieldsOf(name)[field] = value;
  }
  if (file.page !== undefined && parts.count !== undefined) {
    const [name, field] = splitPath(file.page);
    fieldsOf(name)[field] = [String(parts.count), 'RD'];
  }
  if (parts.pointer !== undefined) Object.assign(fieldsOf('DSC'), { 1: parts.pointer, 2: 'I' });
  return [...segments].map((segment) => encodeSegment(segment, envelope.form));
}

/** QCN^J01: the query with this tag is not continued (HL7 v2.5.1 §5.4.6). */
export function writeCancel(tag: string, query: string, envelope: Envelope, controlId: string): Buffer {
  const text = envelope.write('QCN^J01^QCN_J01', controlId, [['QID', { 1: tag, 2: query }]]);
  return Buffer.from(text, 'latin1');
}

/** `RCP-1` as segment and field number. */
export function splitPath(path: string): [segment: string, field: number] {
  const match = /^([A-Z][A-Z0-9]{2})-(\d+)$/.exec(path);
  if (!match) throw new TypeError(`${path} is no field such as RCP-1`);
  return [match[1]!, Number(match[2])];
}

/**
 * What a `set` of an interaction says, with what stands for `$now`, `$controlId` and `$tag`; `^` separates components.
 */
export function fill(template: string, values: Readonly<Record<string, string>>): NestedRepetition {
  const text = (part: string) => part.replace(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
  return template.includes('^') ? template.split('^').map(text) : text(template);
}
