import { FicusError } from '../../src/errors.ts';
import type { ByteString } from './charset.ts';
import { encodeValue } from './escape.ts';
import type { EncodingTarget } from './escape.ts';
import { encodeNested, startsHeader } from './nested.ts';
import type { Nested } from './nested.ts';
import { locatePart, startOfValue } from './far-part.ts';
import { Fields } from './fields.ts';
import { Overlay } from './overlay.ts';
import {
  checkReadable,
  checkWritable,
  countParts,
  equals,
  holds,
  lackingSeparators,
  valueEnd,
} from './span.ts';
import type { Levels } from './span.ts';
import type { SplicedBytes } from './spliced-bytes.ts';
import type { Text } from './text.ts';
import { EMPTY_CELL, cellOf, decodeValue, decodeWritten, decodes, decodesTo } from './value.ts';
import type { Cell, Value } from './value.ts';

/** What the segments of one message share. */
export interface SegmentContext extends EncodingTarget {
  /** Called before the bytes of a segment change. */
  onEdit(segment: Segment, field: number): void;
}

/**
 * One segment over the bytes of its message. Fields are found as far as they are asked for, values decoded when read; a
 * changed field lies over the bytes until the message is written. All numbers count from 1; in MSH, FHS and BHS field 1
 * is the field separator itself and field 2 the encoding characters (HL7 v2.5.1 §2.15.9.1).
 */
export class Segment {
  readonly context: SegmentContext;
  private readonly fields: Fields;
  private readonly stop: number;
  /** 1 in headers, where field 1 is the separator itself: field f is at index f - shift. */
  private readonly shift: 0 | 1;
  /** Changed fields. */
  private edits: Overlay | undefined = undefined;
  private newTerminator: ByteString | undefined = undefined;

  /**
   * @param fields as the bytes have them. @param stop offset behind its segment end.
   */
  constructor(context: SegmentContext, fields: Fields, stop: number) {
    this.context = context;
    this.fields = fields;
    this.stop = stop;
    this.shift = startsHeader(fields.text.source, fields.start) ? 1 : 0;
  }

  /** A segment that was never part of the message's bytes. */
  static of(context: SegmentContext, bytes: ByteString, terminator: ByteString): Segment {
    const { text, to } = cellOf(bytes + terminator, context);
    return new Segment(context, new Fields(text, 0, bytes.length, context.delimiters.codes.field), to);
  }

  /** Usually three letters; an odd line has what stands before its first field separator. */
  get name(): string {
    return this.fields.name;
  }

  /** Whether the name is `name`, without making a string of it. */
  is(name: string): boolean {
    return this.fields.isNamed(name);
  }

  /** Highest field number present, 0 for a segment of a name only. */
  get fieldCount(): number {
    return Math.max(this.fields.last, this.edits?.last ?? 0) + this.shift;
  }

  /**
   * A decoded, unescaped value: the first subcomponent of the first component of the first repetition, unless others
   * are asked for.
   * @returns undefined when absent, '' when empty, null when `""`.
   * @throws {FicusError} `legacy-malformed` when its bytes do not decode.
   */
  value(field: number, repetition = 1, component = 1, subcomponent = 1): Value | undefined {
    if (field <= 2 && this.shift === 1) return this.headerValue(field, repetition, component, subcomponent);
    const index = field - this.shift;
    if (index < 1) return undefined;
    const { fields, context } = this;
    let { text } = fields;
    let from: number;
    let to: number;
    const changed = this.edits?.cell(index, context);
    if (changed !== undefined) {
      ({ text, from, to } = changed);
    } else {
      if (!fields.reach(index)) return undefined;
      from = fields.from(index);
      to = fields.to(index);
    }
    const { codes } = context.delimiters;
    const at = startOfValue(text, from, to, codes, repetition, component, subcomponent);
    return at === -1 ? undefined : decodeValue(text, at, valueEnd(text.scan, at, to, codes), context);
  }

  /**
   * The text of a whole level as it is written (field, repetition, component or subcomponent, whichever is named last):
   * decoded by the character set, escape sequences and separators left as they are.
   * @returns undefined when absent.
   */
  written(field: number, repetition?: number, component?: number, subcomponent?: number): string | undefined {
    if (field <= 2 && this.shift === 1)
      return this.headerValue(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
    checkReadable(field, repetition, component, subcomponent);
    const cell = this.cell(field - this.shift);
    if (!cell) return undefined;
    const { text, from, to } = cell;
    if (repetition === undefined) return decodeWritten(text, from, to, this.context);
    const levels: Levels = [repetition, component, subcomponent];
    const place = locatePart(text, from, to, this.context.delimiters, levels);
    return place.lacking > 0 ? undefined : decodeWritten(text, place.from, place.to, this.context);
  }

  /** Where a field lies, for who takes it apart itself; undefined when absent. */
  place(field: number): Cell | undefined {
    if (field > 2 || this.shift === 0) return this.cell(field - this.shift);
    const delimiters = this.headerValue(field, 1, 1, 1);
    return delimiters === undefined ? undefined : cellOf(delimiters, this.context);
  }

  /** Repetitions of a field; 0 when the field is absent. */
  repetitions(field: number): number {
    return this.count(field, undefined, undefined);
  }

  /** Components of a repetition; 0 when it is absent. */
  components(field: number, repetition = 1): number {
    return this.count(field, repetition, undefined);
  }

  /** Subcomponents of a component; 0 when it is absent. */
  subcomponents(field: number, repetition = 1, component = 1): number {
    return this.count(field, repetition, component);
  }

  /**
   * Writes one value where `value` reads it, adding the fields, repetitions, components and subcomponents before it
   * that are not there. Only its own bytes change; a value that is already there changes nothing.
   * @throws {FicusError} `unmappable` when the character set or the delimiters of the message cannot carry it.
   */
  set(value: Value, field: number, repetition = 1, component = 1, subcomponent = 1): void {
    this.refuseDelimiters(field);
    checkWritable(field, repetition, component, subcomponent);
    const { context } = this;
    const { codes } = context.delimiters;
    const { fields } = this;
    const index = field - this.shift;
    const changed = this.edits?.cell(index, context);
    let { text } = fields;
    let at = -1;
    let to = 0;
    if (changed === undefined) {
      if (fields.reach(index)) {
        to = fields.to(index);
        at = startOfValue(text, fields.from(index), to, codes, repetition, component, subcomponent);
      }
    } else if (changed !== EMPTY_CELL) {
      ({ text, to } = changed);
      at = startOfValue(text, changed.from, to, codes, repetition, component, subcomponent);
    }
    if (at === -1) {
      this.splice(field, [repetition, component, subcomponent], this.encode(value));
      return;
    }
    const end = valueEnd(text.scan, at, to, codes);
    // The same value may be written in other bytes (a hex escape, say): those stay.
    const decoded = !text.plain || holds(text.scan, at, end, codes.escape);
    if (decoded && decodesTo(value, text, at, end, context)) return;
    const encoded = this.encode(value);
    if (!equals(text.source, at, end, encoded)) this.change(field, text, at, end, encoded);
  }

  /**
   * Replaces a whole level (field, repetition or component, whichever is named last) and all below it. Throws as `set`.
   */
  replace(nested: Nested, field: number, repetition?: number, component?: number): void {
    this.refuseDelimiters(field);
    checkWritable(field, repetition, component);
    const level = repetition === undefined ? 'field' : component === undefined ? 'repetition' : 'component';
    const encoded = encodeNested(nested, level, this.context);
    this.splice(field, [repetition, component, undefined], encoded);
  }

  /**
   * The first field that holds a byte, or an escape sequence, that does not decode.
   * @returns undefined when all of it decodes; 0 for the name.
   */
  undecodableField(): number | undefined {
    if (decodes(cellOf(this.bytes(), this.context), this.context)) return undefined;
    const last = this.fieldCount - this.shift;
    for (let index = 1; index <= last; index++) {
      const cell = this.cell(index);
      if (cell && !decodes(cell, this.context)) return index + this.shift;
    }
    return 0;
  }

  /** The segment's bytes as they are now, without its segment end. */
  bytes(): ByteString {
    const { fields, edits } = this;
    if (edits !== undefined) return edits.apply(this.context.delimiters.field);
    return fields.text.raw.slice(fields.start, fields.end);
  }

  /** How many bytes longer it has become; its segment end aside. */
  growth(): number {
    return this.edits === undefined ? 0 : this.edits.growth();
  }

  /** Writes its changed fields into the bytes it was read from. */
  writeTo(out: SplicedBytes): void {
    this.edits?.writeTo(out, this.context.delimiters.field);
  }

  /** Its segment end: CR, LF, CRLF, blank lines included, or '' at the end of a message. */
  get terminator(): ByteString {
    return this.newTerminator ?? this.fields.text.raw.slice(this.fields.end, this.stop);
  }

  /** Gives the segment this segment end, when another segment comes to stand behind it. */
  terminate(terminator: ByteString): void {
    this.context.onEdit(this, 0);
    this.newTerminator = terminator;
  }

  /**
   * A field as it is now; undefined when absent, `EMPTY_CELL` when only the change of a later field makes it present.
   */
  private cell(index: number): Cell | undefined {
    if (index < 1) return undefined;
    const changed = this.edits?.cell(index, this.context);
    if (changed !== undefined) return changed;
    const { fields } = this;
    if (!fields.reach(index)) return undefined;
    return { text: fields.text, from: fields.from(index), to: fields.to(index) };
  }

  private headerValue(
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ): string | undefined {
    if (repetition !== 1 || component !== 1 || subcomponent !== 1) return undefined;
    if (field === 1) return this.context.delimiters.field;
    const { fields } = this;
    return field === 2 && fields.reach(1) ? fields.text.raw.slice(fields.from(1), fields.to(1)) : undefined;
  }

  private count(field: number, repetition: number | undefined, component: number | undefined): number {
    if (field <= 2 && this.shift === 1) return (repetition ?? 1) === 1 && (component ?? 1) === 1 ? 1 : 0;
    checkReadable(field, repetition, component);
    const cell = this.cell(field - this.shift);
    if (!cell) return 0;
    const { delimiters } = this.context;
    const place = locatePart(cell.text, cell.from, cell.to, delimiters, [repetition, component, undefined]);
    if (place.lacking > 0) return 0;
    const separator =
      repetition === undefined ? 'repetition' : component === undefined ? 'component' : 'subcomponent';
    return countParts(cell.text.scan, place.from, place.to, delimiters[separator]);
  }

  private refuseDelimiters(field: number): void {
    if (field <= 2 && this.shift === 1) {
      throw new FicusError(
        'unmappable',
        'The delimiters of a message (fields 1 and 2 of its header) cannot be changed.',
      );
    }
  }

  private encode(value: Value): ByteString {
    return value === null ? '""' : encodeValue(value, this.context);
  }

  /** Puts bytes at a level of a field, with the separators that lack before it. */
  private splice(field: number, levels: Levels, encoded: ByteString): void {
    const { delimiters } = this.context;
    const { text, from, to } = this.cell(field - this.shift) ?? EMPTY_CELL;
    const place = locatePart(text, from, to, delimiters, levels);
    const added = lackingSeparators(place, delimiters, levels) + encoded;
    this.change(field, text, place.from, place.to, added);
  }

  /** Puts bytes in place of a range of a field as it is now. */
  private change(field: number, text: Text, from: number, to: number, bytes: ByteString): void {
    this.context.onEdit(this, field);
    this.edits ??= new Overlay(this.fields);
    this.edits.change(field - this.shift, text, from, to, bytes);
  }
}
