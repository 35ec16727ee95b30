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

/** The bytes of a message and where its segments are, as `parseMessage` and `createMessage` find them. */
export interface MessageParts {
  readonly source: Buffer;
  readonly raw: ByteString;
  readonly scan: ByteString;
  readonly plain: boolean;
  readonly delimiters: Delimiters;
  /** Offsets as `splitSegments` gives them. */
  readonly bounds: readonly number[];
  readonly choice: CharsetChoice;
}

/**
 * One HL7v2 message over its bytes: read lazily, written back byte for byte but for what was changed. Made by `parseMessage`
 * and `createMessage`. Occurrences, fields, repetitions, components and subcomponents count from 1.
 */
export class Message {
  readonly delimiters: Delimiters;
  private readonly parts: MessageParts;
  /** Segments are made when first asked for; `whole` says that all of them are. */
  private readonly list: (Segment | undefined)[];
  private whole = false;
  private readonly context: SegmentContext;
  private known: Charset | undefined;
  private changed = false;

  constructor(parts: MessageParts) {
    this.parts = parts;
    this.delimiters = parts.delimiters;
    this.context = {
      delimiters: parts.delimiters,
      charset: () =>
        (this.known ??= chooseCharset(parts.choice, charsetNames(this.at(0).bytes(), parts.delimiters))),
      onEdit: (segment, field) => this.beforeEdit(segment, field),
    };
    this.list = [];
    this.list.length = (parts.bounds.length - 1) / 2;
  }

  /** All segments in order; the first is MSH. */
  get segments(): readonly Segment[] {
    const { list } = this;
    if (!this.whole) for (let index = 0; index < list.length; index++) this.at(index);
    this.whole = true;
    return list as Segment[];
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
    for (let index = 0; index < this.list.length; index++) {
      if (this.isNamed(index, name) && --left === 0) return this.at(index);
    }
    return undefined;
  }

  /** All segments of a name, in order. */
  all(name: string): Segment[] {
    const found: Segment[] = [];
    for (let index = 0; index < this.list.length; index++)
      if (this.isNamed(index, name)) found.push(this.at(index));
    return found;
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
    const before = this.segments[index - 1]!;
    if (before.terminator === '') before.terminate(terminator);
    const segment = Segment.of(this.context, bytes, terminator);
    this.list.splice(index, 0, segment);
    this.changed = true;
    return segment;
  }

  /** Takes a segment out. MSH stays. */
  remove(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index < 1) throw new RangeError('no such segment to remove');
    this.list.splice(index, 1);
    this.changed = true;
  }

  /** The message's bytes: the very bytes it was read from when nothing was changed (not a copy), else a new buffer. */
  toBytes(): Buffer {
    if (!this.changed) return this.parts.source;
    const { raw, bounds } = this.parts;
    // Whatever still is a range of the source is copied in runs.
    let out = '';
    let from = 0;
    let to = bounds[0]!;
    for (let index = 0; index < this.list.length; index++) {
      const segment = this.list[index];
      const untouched = segment === undefined || !segment.edited;
      const offset = untouched ? (segment?.offset ?? bounds[2 * index]!) : -1;
      const stop = untouched ? (segment?.endOffset ?? bounds[2 * index + 2]!) : -1;
      if (untouched && offset === to) {
        to = stop;
        continue;
      }
      out += raw.slice(from, to);
      if (untouched) {
        from = offset;
        to = stop;
      } else {
        out += segment.bytes() + segment.terminator;
        // An edited segment stands where it stood unless segments were added or removed.
        from = to = bounds[2 * index + 2] ?? 0;
      }
    }
    out += raw.slice(from, to) + raw.slice(bounds[bounds.length - 1]);
    return Buffer.from(out, 'latin1');
  }

  /** Everything that reading lazily may never notice: bytes that do not decode, an unknown character set, odd lines. */
  check(): readonly Defect[] {
    return findDefects(this);
  }

  private at(index: number): Segment {
    const made = this.list[index];
    if (made) return made;
    const { raw, scan, plain, bounds } = this.parts;
    const from = 2 * index;
    const segment = new Segment(
      this.context,
      raw,
      scan,
      bounds[from]!,
      bounds[from + 1]!,
      bounds[from + 2]!,
      plain,
    );
    this.list[index] = segment;
    return segment;
  }

  private isNamed(index: number, name: string): boolean {
    const made = this.list[index];
    if (made) return made.is(name);
    const { scan, bounds, delimiters } = this.parts;
    const start = bounds[2 * index]!;
    const after = start + name.length;
    if (after > bounds[2 * index + 1]! || !scan.startsWith(name, start)) return false;
    return after === bounds[2 * index + 1] || scan.charCodeAt(after) === delimiters.codes.field;
  }

  private need(at: Location): Segment {
    const segment = this.segment(at.segment, at.occurrence);
    if (!segment) throw new RangeError(`the message has no segment ${at.segment}[${at.occurrence ?? 1}]`);
    return segment;
  }

  /** The segment end this message uses. */
  private terminator(): ByteString {
    const first = this.at(0).terminator;
    if (first.startsWith('\r\n')) return '\r\n';
    return first.startsWith('\n') ? '\n' : '\r';
  }

  private beforeEdit(segment: Segment, field: number): void {
    if (field === 18 && segment === this.list[0]) {
      if (!this.segments.every((each) => isPlain(each.bytes()))) {
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
