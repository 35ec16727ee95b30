import { FicusError } from '../../src/errors.ts';
import type { ByteString } from './charset.ts';
import { encodeValue } from './escape.ts';
import type { EncodingTarget } from './escape.ts';
import { encodeNested, startsHeader } from './nested.ts';
import type { Nested } from './nested.ts';
import { Overlay } from './overlay.ts';
import type { Edit } from './overlay.ts';
import {
  INDEX_LIMIT,
  checkIndices,
  countParts,
  holds,
  lackingSeparators,
  locate,
  valueEnd,
  valueStart,
} from './span.ts';
import type { Levels } from './span.ts';
import type { SplicedBytes } from './spliced-bytes.ts';
import { EMPTY_CELL, cellOf, decodeText, decodeValue, decodes, decodesTo } from './value.ts';
import type { Cell, Value } from './value.ts';

/** What the segments of one message share. */
export interface SegmentContext extends EncodingTarget {
  /** Called before the bytes of a segment change. */
  onEdit(segment: Segment, field: number): void;
}

/** Bytes that segments are ranges of. */
export type SegmentText = Pick<Cell, 'raw' | 'scan' | 'plain'>;

/**
 * One segment over the bytes of its message. Fields are found as far as they are asked for, values decoded when read; a changed field lies over the
 * bytes until the message is written. All numbers count from 1; in MSH, FHS and BHS field 1 is the field separator itself and
 * field 2 the encoding characters (HL7 v2.5.1 §2.15.9.1).
 */
export class Segment {
  readonly context: SegmentContext;
  private readonly text: SegmentText;
  private readonly start: number;
  private readonly end: number;
  private readonly stop: number;
  /** 1 in headers, where field 1 is the separator itself: field f is at index f - shift. */
  private readonly shift: 0 | 1;
  /** Offsets of name and fields found so far; the last may be one behind the end. Index i is `[i] .. [i + 1] - 1`. */
  private readonly starts: number[];
  /** Changed fields, by index. */
  private edits: Overlay | undefined;
  private newTerminator: ByteString | undefined;

  /**
   * @param text what holds the segment, and usually those around it.
   * @param start offset of its name. @param end behind its last byte. @param stop behind its segment end.
   */
  constructor(context: SegmentContext, text: SegmentText, start: number, end: number, stop: number) {
    this.context = context;
    this.text = text;
    this.start = start;
    this.end = end;
    this.stop = stop;
    this.shift = startsHeader(text.raw, start) ? 1 : 0;
    this.starts = [start];
    this.edits = undefined;
    this.newTerminator = undefined;
  }

  /** A segment that was never part of the message's bytes. */
  static of(context: SegmentContext, bytes: ByteString, terminator: ByteString): Segment {
    const text = cellOf(bytes + terminator, context);
    return new Segment(context, text, 0, bytes.length, text.to);
  }

  /** Usually three letters; an odd line has what stands before its first field separator. */
  get name(): string {
    return this.reach(0) ? this.text.raw.slice(this.start, this.starts[1]! - 1) : '';
  }

  /** Whether the name is `name`, without making a string of it. */
  is(name: string): boolean {
    const after = this.start + name.length;
    if (after > this.end || !this.text.raw.startsWith(name, this.start)) return false;
    return after === this.end || this.text.scan[after] === this.context.delimiters.codes.field;
  }

  /** Highest field number present, 0 for a segment of a name only. */
  get fieldCount(): number {
    this.reach(INDEX_LIMIT);
    return Math.max(this.starts.length - 2, this.edits?.last ?? 0) + this.shift;
  }

  /** Whether its bytes no longer are those it was read from. */
  get edited(): boolean {
    return this.edits !== undefined || this.newTerminator !== undefined;
  }

  /**
   * A decoded, unescaped value: the first subcomponent of the first component of the first repetition, unless others are asked for.
   * @returns undefined when absent, '' when empty, null when `""`.
   * @throws {FicusError} `legacy-malformed` when its bytes do not decode.
   */
  value(field: number, repetition = 1, component = 1, subcomponent = 1): Value | undefined {
    if (field <= 2 && this.shift === 1) return this.headerValue(field, repetition, component, subcomponent);
    const index = field - this.shift;
    let { raw, scan, plain } = this.text;
    let from: number;
    let to: number;
    if (this.edits !== undefined && index <= this.edits.last) {
      const cell = this.cell(index);
      if (!cell) return undefined;
      ({ raw, scan, plain, from, to } = cell);
    } else {
      if (index < 1 || !this.reach(index)) return undefined;
      from = this.starts[index]!;
      to = this.starts[index + 1]! - 1;
    }
    const { codes } = this.context.delimiters;
    const at = valueStart(scan, from, to, codes, repetition, component, subcomponent);
    return at === -1
      ? undefined
      : decodeValue(raw, scan, at, valueEnd(scan, at, to, codes), plain, this.context);
  }

  /**
   * The text of a whole level as it is written (field, repetition, component or subcomponent, whichever is named last): decoded by the
   * character set, escape sequences and separators left as they are.
   * @returns undefined when absent.
   */
  written(field: number, repetition?: number, component?: number, subcomponent?: number): string | undefined {
    if (field <= 2 && this.shift === 1)
      return this.headerValue(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
    const levels: Levels = [repetition, component, subcomponent];
    checkIndices(field, repetition, component, subcomponent);
    const cell = this.cell(field - this.shift);
    if (!cell) return undefined;
    const place = locate(cell.scan, cell.from, cell.to, this.context.delimiters, levels);
    return place.lacking > 0 ? undefined : decodeText(cell.raw.slice(place.from, place.to), this.context);
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
   * Writes one value where `value` reads it, adding the fields, repetitions, components and subcomponents before it that are not there.
   * Only its own bytes change; a value that is already there changes nothing.
   * @throws {FicusError} `unmappable` when the character set or the delimiters of the message cannot carry it.
   */
  set(value: Value, field: number, repetition = 1, component = 1, subcomponent = 1): void {
    this.refuseDelimiters(field);
    checkIndices(field, repetition, component, subcomponent);
    const index = field - this.shift;
    const { codes } = this.context.delimiters;
    const cell = this.cell(index) ?? EMPTY_CELL;
    const at =
      cell === EMPTY_CELL
        ? -1
        : valueStart(cell.scan, cell.from, cell.to, codes, repetition, component, subcomponent);
    if (at === -1) {
      this.splice(field, cell, [repetition, component, subcomponent], this.encode(value));
      return;
    }
    const end = valueEnd(cell.scan, at, cell.to, codes);
    // The same value may be written in other bytes (a hex escape, say): those stay.
    const decoded = !cell.plain || holds(cell.scan, at, end, codes.escape);
    if (decoded && decodesTo(value, cell, at, end, this.context)) return;
    const encoded = this.encode(value);
    if (encoded.length !== end - at || !cell.raw.startsWith(encoded, at))
      this.change(field, cell, at, end, encoded);
  }

  /** Replaces a whole level (field, repetition or component, whichever is named last) and all below it. Throws as `set`. */
  replace(nested: Nested, field: number, repetition?: number, component?: number): void {
    this.refuseDelimiters(field);
    checkIndices(field, repetition, component);
    const level = repetition === undefined ? 'field' : component === undefined ? 'repetition' : 'component';
    const encoded = encodeNested(nested, level, this.context);
    this.splice(
      field,
      this.cell(field - this.shift) ?? EMPTY_CELL,
      [repetition, component, undefined],
      encoded,
    );
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
    const { start, end, edits } = this;
    const { raw } = this.text;
    if (edits === undefined) return raw.slice(start, end);
    return edits.applyTo(raw, start, end, this.context.delimiters.field);
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
    return this.newTerminator ?? this.text.raw.slice(this.end, this.stop);
  }

  /** Gives the segment this segment end, when another segment comes to stand behind it. */
  terminate(terminator: ByteString): void {
    this.context.onEdit(this, 0);
    this.newTerminator = terminator;
  }

  /** Finds fields of the bytes up to `index`; false when there is no such field. */
  private reach(index: number): boolean {
    const { starts, end } = this;
    if (starts.length > index + 1) return true;
    const { scan } = this.text;
    const separator = this.context.delimiters.codes.field;
    let at = starts[starts.length - 1]!;
    while (at <= end) {
      while (at < end && scan[at] !== separator) at++;
      starts.push(++at);
      if (starts.length > index + 1) return true;
    }
    return false;
  }

  /** A field as it is now; undefined when absent, `EMPTY_CELL` when only the changes of later fields make it present. */
  private cell(index: number): Cell | undefined {
    const edit = this.edits?.get(index);
    if (edit !== undefined) return this.changedCell(edit);
    if (index < 1) return undefined;
    if (!this.reach(index)) return this.edits && index <= this.edits.last ? EMPTY_CELL : undefined;
    const { starts } = this;
    const { raw, scan, plain } = this.text;
    return { raw, scan, from: starts[index]!, to: starts[index + 1]! - 1, plain };
  }

  private changedCell(edit: Edit): Cell {
    if (edit.cell !== undefined) return edit.cell;
    const { raw } = this.text;
    const { index, from, to, text } = edit;
    const whole = this.reach(index)
      ? raw.slice(this.starts[index], from) + text + raw.slice(to, this.starts[index + 1]! - 1)
      : text;
    edit.cell = cellOf(whole, this.context);
    return edit.cell;
  }

  private headerValue(
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ): string | undefined {
    if (repetition !== 1 || component !== 1 || subcomponent !== 1) return undefined;
    if (field === 1) return this.context.delimiters.field;
    return field === 2 && this.reach(1)
      ? this.text.raw.slice(this.starts[1], this.starts[2]! - 1)
      : undefined;
  }

  private count(field: number, repetition: number | undefined, component: number | undefined): number {
    if (field <= 2 && this.shift === 1) return (repetition ?? 1) === 1 && (component ?? 1) === 1 ? 1 : 0;
    checkIndices(field, repetition, component);
    const cell = this.cell(field - this.shift);
    if (!cell) return 0;
    const { delimiters } = this.context;
    const place = locate(cell.scan, cell.from, cell.to, delimiters, [repetition, component, undefined]);
    if (place.lacking > 0) return 0;
    const separator =
      repetition === undefined ? 'repetition' : component === undefined ? 'component' : 'subcomponent';
    return countParts(cell.scan, place.from, place.to, delimiters[separator]);
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
  private splice(field: number, cell: Cell, levels: Levels, encoded: ByteString): void {
    const { delimiters } = this.context;
    const place = locate(cell.scan, cell.from, cell.to, delimiters, levels);
    const added = lackingSeparators(place, delimiters, levels) + encoded;
    this.change(field, cell, place.from, place.to, added);
  }

  /** Puts bytes in place of a range of a field's cell. */
  private change(field: number, cell: Cell, from: number, to: number, bytes: ByteString): void {
    this.context.onEdit(this, field);
    const index = field - this.shift;
    this.edits ??= new Overlay();
    const edit = this.edits.get(index);
    if (edit === undefined) {
      if (this.reach(index)) this.edits.lay(index, from, to, bytes);
      else this.edits.extend(index, this.end, this.starts.length - 2, bytes);
      return;
    }
    edit.text = cell.raw.slice(0, from) + bytes + cell.raw.slice(to);
    edit.cell = undefined;
    if (edit.lacking > 0) return;
    edit.from = this.starts[index]!;
    edit.to = this.starts[index + 1]! - 1;
  }
}
