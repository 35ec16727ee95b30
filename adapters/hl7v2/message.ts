import { Buffer } from 'node:buffer';
import { FicusError } from '../../src/errors.ts';
import { charsetNames, chooseCharset, isPlain } from './charset.ts';
import type { ByteString, Charset } from './charset.ts';
import { findDefects } from './defects.ts';
import type { Defect } from './defects.ts';
import type { Delimiters } from './delimiters.ts';
import { Fields } from './fields.ts';
import type { MessageBytes } from './message-bytes.ts';
import { encodeSegment } from './nested.ts';
import type { Nested, NestedSegment } from './nested.ts';
import { parsePath } from './path.ts';
import type { Location } from './path.ts';
import { FEW, placeByName, placesByName } from './places-by-name.ts';
import { Segment } from './segment.ts';
import type { SegmentContext } from './segment.ts';
import { SplicedBytes } from './spliced-bytes.ts';
import type { Value } from './value.ts';

/**
 * One HL7v2 message over its bytes: read lazily, written back byte for byte but for what was changed. Made by
 * `parseMessage` and `createMessage`. Occurrences, fields, repetitions, components and subcomponents count from 1.
 */
export class Message implements SegmentContext {
  readonly delimiters: Delimiters;
  private readonly origin: MessageBytes;
  /** Segments made so far, by their place; all of them, and no longer in the places they came in, once `rearranged`. */
  private readonly list: (Segment | undefined)[] = [undefined];
  private made = 0;
  /** The first segment of the name asked for last: messages are read segment by segment. */
  private lastName = '';
  private lastFound: Segment | undefined = undefined;
  private rearranged = false;
  private changed = false;
  private known: Charset | undefined = undefined;
  private places: ReadonlyMap<Segment, number> | undefined = undefined;

  constructor(origin: MessageBytes) {
    this.delimiters = origin.delimiters;
    this.origin = origin;
  }

  /** All segments in order; the first is MSH. */
  get segments(): readonly Segment[] {
    const count = this.rearranged ? 0 : this.origin.index.count();
    if (this.made < count) {
      for (let place = 0; place < count; place++) this.at(place);
    }
    return this.list as Segment[];
  }

  /**
   * Name of the character set in force, as HL7 table 0211 writes it.
   * @throws {FicusError} `legacy-malformed` when the one that MSH-18 names is not known.
   */
  get charset(): string {
    return this.charsetInForce().name;
  }

  /** The nth segment of a name. */
  segment(name: string, occurrence = 1): Segment | undefined {
    if (occurrence === 1 && name === this.lastName) return this.lastFound;
    const found = this.find(name, occurrence);
    if (occurrence === 1) {
      this.lastName = name;
      this.lastFound = found;
    }
    return found;
  }

  /** Name of the segment at a place, from 0, without making a segment of it; undefined behind the last. */
  nameAt(place: number): string | undefined {
    if (this.rearranged) return this.list[place]?.name;
    const { index } = this.origin;
    return index.reach(place) ? index.nameAt(place) : undefined;
  }

  /**
   * The bytes from the segment at a place on, from 0, segment ends included: as they came, whatever was changed since.
   */
  cameFrom(place: number): ByteString {
    const { index, raw, end } = this.origin;
    return index.reach(place) ? raw.slice(index.offsets[2 * place], end) : '';
  }

  private find(name: string, occurrence: number): Segment | undefined {
    if (name === 'MSH' && occurrence === 1) return this.first();
    if (!this.rearranged) {
      const place = this.origin.index.find(name, occurrence);
      return place === -1 ? undefined : this.at(place);
    }
    let left = occurrence;
    return this.list.find((segment) => segment!.is(name) && --left === 0);
  }

  /** All segments of a name, in order. */
  all(name: string): Segment[] {
    return this.segments.filter((segment) => segment.is(name));
  }

  /** Which one of its name a segment is, from 1; 0 when it is not of this message. */
  nth(segment: Segment): number {
    const { segments } = this;
    if (segments.length > FEW) this.places ??= placesByName(segments);
    return this.places?.get(segment) ?? placeByName(segments, segment);
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
    return this.insert(this.segments.length, nested);
  }

  /** Adds a segment so that it stands at `index` of `segments` (from 1: MSH stays first). */
  insert(index: number, nested: NestedSegment): Segment {
    if (!Number.isInteger(index) || index < 1 || index > this.segments.length)
      throw new RangeError('no such place for a segment');
    const bytes = encodeSegment(nested, this);
    const terminator = this.terminator();
    const before = this.segments[index - 1]!;
    if (before.terminator === '') before.terminate(terminator);
    const segment = Segment.of(this, bytes, terminator);
    this.list.splice(index, 0, segment);
    this.rearrange();
    return segment;
  }

  /**
   * Puts segments that stand side by side in this order.
   * @throws {TypeError} when others stand between them: those would belong to another one afterwards.
   */
  reorder(segments: readonly Segment[]): void {
    const first = Math.min(...segments.map((segment) => this.segments.indexOf(segment)));
    const present = this.segments.slice(first, first + segments.length);
    if (first < 1 || segments.some((segment) => !present.includes(segment)))
      throw new TypeError('segments that do not stand side by side are not re-ordered');
    for (const segment of segments) if (segment.terminator === '') segment.terminate(this.terminator());
    this.list.splice(first, segments.length, ...segments);
    this.rearrange();
  }

  /** Takes a segment out. MSH stays. */
  remove(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index < 1) throw new RangeError('no such segment to remove');
    this.list.splice(index, 1);
    this.rearrange();
  }

  /** The message's bytes: the very bytes it was read from when nothing was changed (not a copy), else a new buffer. */
  toBytes(): Buffer {
    const { source } = this.origin;
    if (!this.changed) return source;
    if (this.rearranged) return this.assemble();
    const { list } = this;
    let growth = 0;
    for (let place = 0; place < list.length; place++) growth += list[place]?.growth() ?? 0;
    const out = new SplicedBytes(source, growth);
    for (let place = 0; place < list.length; place++) list[place]?.writeTo(out);
    return out.finish();
  }

  /** The bytes of a message whose segments are no longer in the places they came in. */
  private assemble(): Buffer {
    const { first, end, raw } = this.origin;
    let out = raw.slice(0, first.start);
    for (const segment of this.list) out += segment!.bytes() + segment!.terminator;
    return Buffer.from(out + raw.slice(end), 'latin1');
  }

  /** Everything that reading lazily may never notice: bytes that do not decode, an unknown character set, odd lines. */
  check(): readonly Defect[] {
    return findDefects(this);
  }

  /** What segments need of their message; not for others. */
  charsetInForce(): Charset {
    this.known ??= chooseCharset(this.origin.choice, charsetNames(this.first().bytes(), this.delimiters));
    return this.known;
  }

  /** Called by a segment before its bytes change. */
  onEdit(segment: Segment, field: number): void {
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

  /** MSH. */
  private first(): Segment {
    const made = this.list[0];
    if (made) return made;
    const { first, firstText } = this.origin;
    const { start, end, fieldStarts } = first;
    const fields = new Fields(firstText, start, end, this.delimiters.codes.field, fieldStarts);
    const segment = new Segment(this, fields, first.stop);
    this.list[0] = segment;
    this.made++;
    return segment;
  }

  /** The segment at a place that there is, from 0. */
  private at(place: number): Segment {
    const made = this.list[place];
    if (made) return made;
    if (place === 0) return this.first();
    const { text, index } = this.origin;
    const { offsets } = index;
    const from = 2 * place;
    const fields = new Fields(text, offsets[from]!, offsets[from + 1]!, this.delimiters.codes.field);
    const segment = new Segment(this, fields, offsets[from + 2]!);
    this.list[place] = segment;
    this.made++;
    return segment;
  }

  private rearrange(): void {
    this.rearranged = true;
    this.changed = true;
    this.lastName = '';
    this.places = undefined;
  }

  private need(at: Location): Segment {
    const segment = this.segment(at.segment, at.occurrence);
    if (!segment) throw new RangeError(`the message has no segment ${at.segment}[${at.occurrence ?? 1}]`);
    return segment;
  }

  /** The segment end this message uses. */
  private terminator(): ByteString {
    const first = this.first().terminator;
    if (first.startsWith('\r\n')) return '\r\n';
    return first.startsWith('\n') ? '\n' : '\r';
  }
}
