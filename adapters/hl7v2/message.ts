import { FicusError } from '../../src/errors.ts';
import { charsetNames, chooseCharset, isPlain } from './charset.ts';
import type { ByteString, Charset, CharsetChoice } from './charset.ts';
import { findDefects } from './defects.ts';
import type { Defect } from './defects.ts';
import type { Delimiters } from './delimiters.ts';
import { encodeSegment } from './nested.ts';
import type { Nested, NestedSegment } from './nested.ts';
import { parsePath } from './path.ts';
import type { Location } from './path.ts';
import { Segment } from './segment.ts';
import type { SegmentContext, Value } from './segment.ts';
import type { SegmentRange } from './split.ts';

/** The bytes of a message and where its segments are, as `parseMessage` and `createMessage` find them. */
export interface MessageParts {
  readonly source: Buffer;
  readonly raw: ByteString;
  readonly scan: ByteString;
  readonly plain: boolean;
  readonly delimiters: Delimiters;
  readonly ranges: readonly SegmentRange[];
  /** Offset behind the last segment; what follows (a frame's end in a file) is kept. */
  readonly end: number;
  readonly choice: CharsetChoice;
}

/**
 * One HL7v2 message over its bytes: read lazily, written back byte for byte but for what was changed. Made by `parseMessage`
 * and `createMessage`. Occurrences, fields, repetitions, components and subcomponents count from 1.
 */
export class Message {
  readonly delimiters: Delimiters;
  private readonly parts: MessageParts;
  private readonly list: Segment[];
  private readonly context: SegmentContext;
  private known: Charset | undefined;
  private changed = false;

  constructor(parts: MessageParts) {
    this.parts = parts;
    this.delimiters = parts.delimiters;
    this.context = {
      delimiters: parts.delimiters,
      charset: () =>
        (this.known ??= chooseCharset(parts.choice, charsetNames(this.list[0]!.bytes(), parts.delimiters))),
      onEdit: (segment, field) => this.beforeEdit(segment, field),
    };
    const { raw, scan, plain } = parts;
    this.list = parts.ranges.map(
      ([start, end, stop]) => new Segment(this.context, raw, scan, start, end, stop, plain),
    );
  }

  /** All segments in order; the first is MSH. */
  get segments(): readonly Segment[] {
    return this.list;
  }

  /**
   * Name of the character set in force, as HL7 table 0211 writes it.
   * @throws {FicusError} `legacy-malformed` when the one that MSH-18 names is not known.
   */
  get charset(): string {
    return this.context.charset().name;
  }

  /** The nth segment of a name. */
  segment(name: string, occurrence = 1): Segment | undefined {
    let left = occurrence;
    for (const segment of this.list) if (segment.is(name) && --left === 0) return segment;
    return undefined;
  }

  /** All segments of a name, in order. */
  all(name: string): Segment[] {
    return this.list.filter((segment) => segment.is(name));
  }

  /**
   * A decoded, unescaped value of the first segment of a name (or of a given segment): see `Segment.value`.
   * @returns undefined when absent, '' when empty, null when `""`.
   */
  value(
    segment: string | Segment,
    field: number,
    repetition = 1,
    component = 1,
    subcomponent = 1,
  ): Value | undefined {
    const found = typeof segment === 'string' ? this.segment(segment) : segment;
    return found?.value(field, repetition, component, subcomponent);
  }

  /** The value at a place, e.g. `get('PID-3[2].4.1')`. Undefined, '' and null as in `value`. */
  get(place: string | Location): Value | undefined {
    const at = typeof place === 'string' ? parsePath(place) : place;
    return this.segment(at.segment, at.occurrence)?.value(
      at.field,
      at.repetition,
      at.component,
      at.subcomponent,
    );
  }

  /** The text of a whole level as it is written, escapes and separators included: see `Segment.written`. */
  written(place: string | Location): string | undefined {
    const at = typeof place === 'string' ? parsePath(place) : place;
    return this.segment(at.segment, at.occurrence)?.written(
      at.field,
      at.repetition,
      at.component,
      at.subcomponent,
    );
  }

  /**
   * Writes one value at a place: see `Segment.set`. The segment must be there (`append`, `insert`).
   * @throws {FicusError} `unmappable` when this message cannot carry the value.
   */
  set(place: string | Location, value: Value): void {
    const at = typeof place === 'string' ? parsePath(place) : place;
    this.need(at).set(value, at.field, at.repetition, at.component, at.subcomponent);
  }

  /** Replaces a whole field, repetition or component and all below it: see `Segment.replace`. */
  replace(place: string | Location, nested: Nested): void {
    const at = typeof place === 'string' ? parsePath(place) : place;
    if (at.subcomponent !== undefined) throw new TypeError('a subcomponent is set, not replaced');
    this.need(at).replace(nested, at.field, at.repetition, at.component);
  }

  /** Adds a segment at the end. */
  append(nested: NestedSegment): Segment {
    return this.insert(this.list.length, nested);
  }

  /** Adds a segment so that it stands at `index` of `segments` (from 1: MSH stays first). */
  insert(index: number, nested: NestedSegment): Segment {
    if (!Number.isInteger(index) || index < 1 || index > this.list.length)
      throw new RangeError('no such place for a segment');
    const bytes = encodeSegment(nested, this.delimiters, this.context.charset);
    const terminator = this.terminator();
    const before = this.list[index - 1]!;
    if (before.terminator === '') before.terminate(terminator);
    const segment = Segment.of(this.context, bytes, terminator);
    this.list.splice(index, 0, segment);
    this.changed = true;
    return segment;
  }

  /** Takes a segment out. MSH stays. */
  remove(segment: Segment): void {
    const index = this.list.indexOf(segment);
    if (index < 1) throw new RangeError('no such segment to remove');
    this.list.splice(index, 1);
    this.changed = true;
  }

  /** The message's bytes: the very bytes it was read from when nothing was changed (not a copy), else a new buffer. */
  toBytes(): Buffer {
    if (!this.changed) return this.parts.source;
    const { raw, end } = this.parts;
    // Segments that still are ranges of the source are copied in runs.
    let out = raw.slice(0, this.parts.ranges[0]![0]);
    let from = 0;
    let to = 0;
    for (const segment of this.list) {
      if (!segment.edited && segment.offset === to) {
        to = segment.endOffset;
        continue;
      }
      out += raw.slice(from, to);
      from = to = 0;
      if (segment.edited) {
        out += segment.bytes() + segment.terminator;
      } else {
        from = segment.offset;
        to = segment.endOffset;
      }
    }
    return Buffer.from(out + raw.slice(from, to) + raw.slice(end), 'latin1');
  }

  /** Everything that reading lazily may never notice: bytes that do not decode, an unknown character set, odd lines. */
  check(): readonly Defect[] {
    return findDefects(this);
  }

  private need(at: Location): Segment {
    const segment = this.segment(at.segment, at.occurrence);
    if (!segment) throw new RangeError(`the message has no segment ${at.segment}[${at.occurrence ?? 1}]`);
    return segment;
  }

  /** The segment end this message uses. */
  private terminator(): ByteString {
    const first = this.list[0]!.terminator;
    if (first.startsWith('\r\n')) return '\r\n';
    return first.startsWith('\n') ? '\n' : '\r';
  }

  private beforeEdit(segment: Segment, field: number): void {
    if (field === 18 && segment === this.list[0]) {
      if (!this.list.every((each) => isPlain(each.bytes()))) {
        throw new FicusError(
          'unmappable',
          'MSH-18 cannot change: the message already holds text in another character set.',
        );
      }
      this.known = undefined;
    }
    this.changed = true;
  }
}
