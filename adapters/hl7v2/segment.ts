import { FicusError } from '../../src/errors.ts';
import { isAsciiText, isPlain } from './charset.ts';
import type { ByteString, Charset } from './charset.ts';
import type { Delimiters } from './delimiters.ts';
import { encodeValue, unescapeBytes } from './escape.ts';
import { encodeNested, isHeaderName } from './nested.ts';
import type { Nested } from './nested.ts';
import { countParts, lackingSeparators, locate, valueEnd, valueStart } from './span.ts';
import type { Levels } from './span.ts';

/** A text, `null` for `""` (delete: HL7 v2.5.1 §2.5.3), '' for present but empty. */
export type Value = string | null;

/** What the segments of one message share. */
export interface SegmentContext {
  readonly delimiters: Delimiters;
  /** @throws {FicusError} when the message's character set is not known. */
  readonly charset: () => Charset;
  /** Called before the bytes of a segment change. */
  readonly onEdit: (segment: Segment, field: number) => void;
}

/** More is a program's mistake, not a message. */
const INDEX_LIMIT = 10_000;

/**
 * One segment over the bytes of its message. Fields are found when first asked for; a value is decoded when read. All numbers count from 1;
 * in MSH, FHS and BHS field 1 is the field separator itself and field 2 the encoding characters (HL7 v2.5.1 §2.15.9.1).
 */
export class Segment {
  readonly context: SegmentContext;
  /** Whether this segment still is a range of the message as it came. */
  edited = false;
  private raw: ByteString;
  private scan: ByteString;
  private start: number;
  private end: number;
  private stop: number;
  /** ASCII without ISO 2022 escapes: bytes are characters. */
  private plain: boolean;
  private starts: number[] | undefined;
  private header: boolean | undefined;

  /**
   * @param raw bytes that hold the segment. @param scan the same, masked for scanning (`Charset.mask`), usually the same string.
   * @param range offsets of its name, behind its last byte, and behind its segment end. @param plain ASCII throughout (`isPlain`).
   */
  constructor(
    context: SegmentContext,
    raw: ByteString,
    scan: ByteString,
    start: number,
    end: number,
    stop: number,
    plain: boolean,
  ) {
    this.context = context;
    this.raw = raw;
    this.scan = scan;
    this.start = start;
    this.end = end;
    this.stop = stop;
    this.plain = plain;
  }

  /** A segment that was never part of the message's bytes. */
  static of(context: SegmentContext, bytes: ByteString, terminator: ByteString): Segment {
    const segment = new Segment(context, '', '', 0, 0, 0, true);
    segment.hold(bytes, terminator);
    return segment;
  }

  /** Usually three letters; '' on a blank line. */
  get name(): string {
    const { scan, start, end } = this;
    const third = start + 3;
    if (third === end || (third < end && scan.charCodeAt(third) === this.context.delimiters.codes.field)) {
      return scan.slice(start, third);
    }
    return scan.slice(start, this.fieldStarts()[1]! - 1);
  }

  /** Whether the name is `name`, without making a string of it. */
  is(name: string): boolean {
    const { scan, start, end } = this;
    const after = start + name.length;
    if (after > end || !scan.startsWith(name, start)) return false;
    return after === end || scan.charCodeAt(after) === this.context.delimiters.codes.field;
  }

  /** Highest field number present, 0 for a segment of a name only. */
  get fieldCount(): number {
    return this.fieldStarts().length - 2 + (this.isHeader() ? 1 : 0);
  }

  /**
   * A decoded, unescaped value: the first subcomponent of the first component of the first repetition, unless others are asked for.
   * @returns undefined when absent, '' when empty, null when `""`.
   * @throws {FicusError} `legacy-malformed` when its bytes do not decode.
   */
  value(field: number, repetition = 1, component = 1, subcomponent = 1): Value | undefined {
    if (field <= 2 && this.isHeader()) return this.headerValue(field, repetition, component, subcomponent);
    const index = this.indexOf(field);
    const starts = this.fieldStarts();
    if (index < 1 || index >= starts.length - 1) return undefined;
    const { codes } = this.context.delimiters;
    const to = starts[index + 1]! - 1;
    const from = valueStart(this.scan, starts[index]!, to, codes, repetition, component, subcomponent);
    return from === -1 ? undefined : this.decode(from, valueEnd(this.scan, from, to, codes));
  }

  /**
   * The text of a whole level as it is written (field, repetition, component or subcomponent, whichever is named last): decoded by the
   * character set, escape sequences and separators left as they are.
   * @returns undefined when absent.
   */
  written(field: number, repetition?: number, component?: number, subcomponent?: number): string | undefined {
    if (field <= 2 && this.isHeader())
      return this.headerValue(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
    const place = this.place(field, [repetition, component, subcomponent]);
    if (place.lacks) return undefined;
    return this.text(this.raw.slice(place.from, place.to));
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
    if (this.value(field, repetition, component, subcomponent) === value) return;
    const { delimiters, charset } = this.context;
    const encoded = value === null ? '""' : encodeValue(value, delimiters, charset);
    this.splice(field, [repetition, component, subcomponent], encoded);
  }

  /** Replaces a whole level (field, repetition or component, whichever is named last) and all below it. Throws as `set`. */
  replace(nested: Nested, field: number, repetition?: number, component?: number): void {
    this.refuseDelimiters(field);
    const level = repetition === undefined ? 'field' : component === undefined ? 'repetition' : 'component';
    const encoded = encodeNested(nested, level, this.context.delimiters, this.context.charset);
    this.splice(field, [repetition, component], encoded);
  }

  /**
   * The first field that holds a byte, or an escape sequence, that does not decode.
   * @returns undefined when all of it decodes; 0 for the name.
   */
  undecodableField(): number | undefined {
    if (this.decodes(this.start, this.end)) return undefined;
    const starts = this.fieldStarts();
    for (let index = 0; index < starts.length - 1; index++) {
      if (!this.decodes(starts[index]!, starts[index + 1]! - 1)) return this.isHeader() ? index + 1 : index;
    }
    return 0;
  }

  /** The segment's bytes without its segment end. */
  bytes(): ByteString {
    return this.raw.slice(this.start, this.end);
  }

  /** Its segment end as it came: CR, LF, CRLF, blank lines included, or '' at the end of a message. */
  get terminator(): ByteString {
    return this.raw.slice(this.end, this.stop);
  }

  /** Offset of the segment in the message as it came; meaningless once edited. */
  get offset(): number {
    return this.start;
  }

  /** Offset behind its segment end in the message as it came; meaningless once edited. */
  get endOffset(): number {
    return this.stop;
  }

  /** Gives the segment this segment end; used when another segment comes to stand behind it. */
  terminate(terminator: ByteString): void {
    this.rewrite(this.bytes(), terminator, 0);
  }

  private isHeader(): boolean {
    this.header ??= isHeaderName(this.scan.slice(this.start, this.start + 3));
    return this.header;
  }

  private indexOf(field: number): number {
    return this.isHeader() ? field - 1 : field;
  }

  /** Offsets of name, fields, and one behind the end: field i is `[i] .. [i + 1] - 1`. */
  private fieldStarts(): number[] {
    if (this.starts) return this.starts;
    const { scan, start, end } = this;
    const separator = this.context.delimiters.codes.field;
    const starts = [start];
    for (let at = start; at < end; at++) if (scan.charCodeAt(at) === separator) starts.push(at + 1);
    starts.push(end + 1);
    this.starts = starts;
    return starts;
  }

  private headerValue(
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ): string | undefined {
    if (repetition !== 1 || component !== 1 || subcomponent !== 1) return undefined;
    if (field === 1) return this.context.delimiters.field;
    const starts = this.fieldStarts();
    return field === 2 && starts.length > 2 ? this.scan.slice(starts[1], starts[2]! - 1) : undefined;
  }

  private decode(from: number, to: number): Value {
    const { raw, scan } = this;
    if (from === to) return '';
    if (to - from === 2 && raw.charCodeAt(from) === 0x22 && raw.charCodeAt(from + 1) === 0x22) return null;
    const bytes = raw.slice(from, to);
    const { delimiters } = this.context;
    if (delimiters.escape === '' || !bytes.includes(delimiters.escape))
      return this.plain ? bytes : this.text(bytes);
    return this.text(unescapeBytes(bytes, raw === scan ? bytes : scan.slice(from, to), delimiters));
  }

  private decodes(from: number, to: number): boolean {
    try {
      this.decode(from, to);
      return true;
    } catch {
      return false;
    }
  }

  private text(bytes: ByteString): string {
    if (isPlain(bytes)) return bytes;
    const charset = this.context.charset();
    return charset.sevenBit === true || !isAsciiText(bytes) ? charset.decode(bytes) : bytes;
  }

  private count(field: number, repetition: number | undefined, component: number | undefined): number {
    if (field <= 2 && this.isHeader())
      return field >= 1 && (repetition ?? 1) === 1 && (component ?? 1) === 1 ? 1 : 0;
    const place = this.place(field, [repetition, component]);
    if (place.lacks) return 0;
    const { delimiters } = this.context;
    const separator =
      repetition === undefined ? 'repetition' : component === undefined ? 'component' : 'subcomponent';
    return countParts(this.scan, place.from, place.to, delimiters[separator]);
  }

  private place(field: number, levels: Levels) {
    for (const index of [field, ...levels]) {
      if (index !== undefined && !(Number.isInteger(index) && index >= 1 && index <= INDEX_LIMIT)) {
        throw new RangeError(`HL7v2 places count from 1 to ${INDEX_LIMIT}`);
      }
    }
    return locate(this.scan, this.fieldStarts(), this.indexOf(field), this.context.delimiters, levels);
  }

  private refuseDelimiters(field: number): void {
    if (field <= 2 && this.isHeader()) {
      throw new FicusError(
        'unmappable',
        'The delimiters of a message (fields 1 and 2 of its header) cannot be changed.',
      );
    }
  }

  private splice(field: number, levels: Levels, encoded: ByteString): void {
    const { raw, start, end } = this;
    const place = this.place(field, levels);
    const missing = lackingSeparators(place, this.context.delimiters, levels);
    const bytes = raw.slice(start, place.from) + missing + encoded + raw.slice(place.to, end);
    this.rewrite(bytes, this.terminator, field);
  }

  private rewrite(bytes: ByteString, terminator: ByteString, field: number): void {
    this.context.onEdit(this, field);
    this.hold(bytes, terminator);
  }

  private hold(bytes: ByteString, terminator: ByteString): void {
    const raw = bytes + terminator;
    this.plain = isPlain(raw);
    const mask = this.plain ? undefined : this.context.charset().mask;
    this.raw = raw;
    this.scan = mask ? mask(raw) : raw;
    this.start = 0;
    this.end = bytes.length;
    this.stop = raw.length;
    this.starts = undefined;
    this.edited = true;
  }
}
