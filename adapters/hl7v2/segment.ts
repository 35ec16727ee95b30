import { FicusError } from '../../src/errors.ts';
import { isAsciiText, isPlain, maskBy } from './charset.ts';
import type { ByteString, Charset } from './charset.ts';
import type { Delimiters } from './delimiters.ts';
import { encodeValue, unescapeBytes } from './escape.ts';
import { encodeNested, isHeaderName } from './nested.ts';
import type { Nested } from './nested.ts';
import { countParts, lackingSeparators, locate, valueEnd, valueStart } from './span.ts';
import type { Levels, Place } from './span.ts';

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
 * One segment over the bytes of its message. Fields are found as far as they are asked for; a value is decoded when read. All numbers
 * count from 1; in MSH, FHS and BHS field 1 is the field separator itself and field 2 the encoding characters (HL7 v2.5.1 §2.15.9.1).
 */
export class Segment {
  readonly context: SegmentContext;
  /** Whether its bytes no longer are a range of the message as it came. */
  edited = false;
  private raw: ByteString;
  private scan: ByteString;
  private start: number;
  private end: number;
  private stop: number;
  /** ASCII without ISO 2022 escapes: bytes are characters. */
  private plain: boolean;
  /** 1 in headers, where field 1 is the separator itself. */
  private readonly shift: 0 | 1;
  /** Offsets of name and fields found so far; the last may be one behind the end. Field i is `[i] .. [i + 1] - 1`. */
  private starts: number[];

  /**
   * @param raw bytes that hold the segment. @param scan the same, masked for scanning (`Charset.mask`), usually the same string.
   * @param start offset of its name. @param end behind its last byte. @param stop behind its segment end. @param plain see `isPlain`.
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
    this.starts = [start];
    this.shift = isHeaderName(scan.slice(start, start + 3)) ? 1 : 0;
  }

  /** A segment that was never part of the message's bytes. */
  static of(context: SegmentContext, bytes: ByteString, terminator: ByteString): Segment {
    const raw = bytes + terminator;
    const plain = isPlain(raw);
    const segment = new Segment(
      context,
      raw,
      masked(raw, plain, context),
      0,
      bytes.length,
      raw.length,
      plain,
    );
    segment.edited = true;
    return segment;
  }

  /** Usually three letters; an odd line has what stands before its first field separator. */
  get name(): string {
    return this.reach(0) ? this.scan.slice(this.start, this.starts[1]! - 1) : '';
  }

  /** Whether the name is `name`, without making a string of it. */
  is(name: string): boolean {
    const after = this.start + name.length;
    if (after > this.end || !this.scan.startsWith(name, this.start)) return false;
    return after === this.end || this.scan.charCodeAt(after) === this.context.delimiters.codes.field;
  }

  /** Highest field number present, 0 for a segment of a name only. */
  get fieldCount(): number {
    this.reach(INDEX_LIMIT);
    return this.starts.length - 2 + this.shift;
  }

  /**
   * A decoded, unescaped value: the first subcomponent of the first component of the first repetition, unless others are asked for.
   * @returns undefined when absent, '' when empty, null when `""`.
   * @throws {FicusError} `legacy-malformed` when its bytes do not decode.
   */
  value(field: number, repetition = 1, component = 1, subcomponent = 1): Value | undefined {
    const index = field - this.shift;
    if (field <= 2 && this.shift === 1) return this.headerValue(field, repetition, component, subcomponent);
    if (index < 1 || !this.reach(index)) return undefined;
    const { codes } = this.context.delimiters;
    const to = this.starts[index + 1]! - 1;
    const from = valueStart(this.scan, this.starts[index]!, to, codes, repetition, component, subcomponent);
    return from === -1 ? undefined : this.decode(from, valueEnd(this.scan, from, to, codes));
  }

  /**
   * The text of a whole level as it is written (field, repetition, component or subcomponent, whichever is named last): decoded by the
   * character set, escape sequences and separators left as they are.
   * @returns undefined when absent.
   */
  written(field: number, repetition?: number, component?: number, subcomponent?: number): string | undefined {
    if (field <= 2 && this.shift === 1)
      return this.headerValue(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
    const place = this.place(field, [repetition, component, subcomponent]);
    return place.lacking > 0 ? undefined : this.text(this.raw.slice(place.from, place.to));
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
    const levels: Levels = [repetition, component, subcomponent];
    const place = this.place(field, levels);
    if (place.lacking === 0 && this.decodesTo(value, place)) return;
    const { delimiters, charset } = this.context;
    this.splice(field, place, levels, value === null ? '""' : encodeValue(value, delimiters, charset));
  }

  /** Replaces a whole level (field, repetition or component, whichever is named last) and all below it. Throws as `set`. */
  replace(nested: Nested, field: number, repetition?: number, component?: number): void {
    this.refuseDelimiters(field);
    const level = repetition === undefined ? 'field' : component === undefined ? 'repetition' : 'component';
    const levels: Levels = [repetition, component, undefined];
    const encoded = encodeNested(nested, level, this.context.delimiters, this.context.charset);
    this.splice(field, this.place(field, levels), levels, encoded);
  }

  /**
   * The first field that holds a byte, or an escape sequence, that does not decode.
   * @returns undefined when all of it decodes; 0 for the name.
   */
  undecodableField(): number | undefined {
    if (this.decodes(this.start, this.end)) return undefined;
    for (let index = 0; this.reach(index); index++) {
      if (!this.decodes(this.starts[index]!, this.starts[index + 1]! - 1))
        return index === 0 ? 0 : index + this.shift;
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

  /** Gives the segment this segment end, when another segment comes to stand behind it. */
  terminate(terminator: ByteString): void {
    this.context.onEdit(this, 0);
    this.hold(this.bytes(), terminator, this.plain);
  }

  /** Offsets of the segment in the message as it came; meaningless once edited. */
  get offset(): number {
    return this.start;
  }

  get endOffset(): number {
    return this.stop;
  }

  /** Finds fields up to `index`; false when there is no such field. */
  private reach(index: number): boolean {
    const { starts, scan, end } = this;
    if (starts.length > index + 1) return true;
    const separator = this.context.delimiters.codes.field;
    let at = starts[starts.length - 1]!;
    while (at <= end) {
      while (at < end && scan.charCodeAt(at) !== separator) at++;
      starts.push(++at);
      if (starts.length > index + 1) return true;
    }
    return false;
  }

  private headerValue(
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ): string | undefined {
    if (repetition !== 1 || component !== 1 || subcomponent !== 1) return undefined;
    if (field === 1) return this.context.delimiters.field;
    return field === 2 && this.reach(1) ? this.scan.slice(this.starts[1], this.starts[2]! - 1) : undefined;
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

  private decodesTo(value: Value, place: Place): boolean {
    try {
      return this.decode(place.from, place.to) === value;
    } catch {
      return false;
    }
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
    if (field <= 2 && this.shift === 1) return (repetition ?? 1) === 1 && (component ?? 1) === 1 ? 1 : 0;
    const place = this.place(field, [repetition, component, undefined]);
    if (place.lacking > 0) return 0;
    const { delimiters } = this.context;
    const separator =
      repetition === undefined ? 'repetition' : component === undefined ? 'component' : 'subcomponent';
    return countParts(this.scan, place.from, place.to, delimiters[separator]);
  }

  private place(field: number, levels: Levels): Place {
    checkIndex(field);
    for (let level = 0; level < levels.length; level++) checkIndex(levels[level] ?? 1);
    const index = field - this.shift;
    if (!this.reach(index))
      return { from: this.end, to: this.end, level: -1, lacking: index - (this.starts.length - 2) };
    return locate(
      this.scan,
      this.starts[index]!,
      this.starts[index + 1]! - 1,
      this.context.delimiters,
      levels,
    );
  }

  private refuseDelimiters(field: number): void {
    if (field <= 2 && this.shift === 1) {
      throw new FicusError(
        'unmappable',
        'The delimiters of a message (fields 1 and 2 of its header) cannot be changed.',
      );
    }
  }

  private splice(field: number, place: Place, levels: Levels, encoded: ByteString): void {
    const { raw, start, end } = this;
    const added = lackingSeparators(place, this.context.delimiters, levels) + encoded;
    this.context.onEdit(this, field);
    const bytes = raw.slice(start, place.from) + added + raw.slice(place.to, end);
    this.hold(bytes, this.terminator, this.plain && isPlain(added));
  }

  private hold(bytes: ByteString, terminator: ByteString, plain: boolean): void {
    this.raw = bytes + terminator;
    this.scan = masked(this.raw, plain, this.context);
    this.plain = plain;
    this.start = 0;
    this.end = bytes.length;
    this.stop = this.raw.length;
    this.starts = [0];
    this.edited = true;
  }
}

function masked(raw: ByteString, plain: boolean, context: SegmentContext): ByteString {
  return plain ? raw : maskBy(context.charset, raw);
}

function checkIndex(index: number): void {
  if (!Number.isInteger(index) || index < 1 || index > INDEX_LIMIT) {
    throw new RangeError(`HL7v2 places count from 1 to ${INDEX_LIMIT}`);
  }
}
