import type { SegmentGroup } from '../../src/mapping/structure.ts';
import type { Step, TreeReader, TreeText } from '../../src/mapping/tree.ts';
import type { DelimiterCodes } from './delimiters.ts';
import type { Message } from './message.ts';
import { isPlainRange, MOST_WORDS, NOT_THERE, PartReader, writtenOf } from './part-reader.ts';
import type { FieldOwner, Written } from './part-reader.ts';
import type { Segment } from './segment.ts';

/**
 * A message as a tree that is only read. It says what `messageTree` says, for a third of the price: each field is taken
 * apart once, when it is first asked for. What is written to the message afterwards is not seen.
 *
 * @param grouping from `compileStructure`.
 */
export function readingTree(message: Message, grouping: SegmentGroup): TreeReader {
  return new GroupReader(message, grouping, undefined, '');
}

const NO_PARTS: readonly PartReader[] = [];

class GroupReader implements TreeReader {
  private readonly message: Message;
  private readonly group: SegmentGroup;
  private readonly around: GroupReader | undefined;
  private readonly label: string;
  /** Segments and groups by name, as they are asked for. */
  private readonly places = new Map<Step, TreeReader[]>();
  /** What was asked for last, in its first repetition: a map asks for one segment again and again. */
  private lastStep: Step = '';
  private lastPlace: TreeReader | undefined = undefined;

  constructor(message: Message, group: SegmentGroup, around: GroupReader | undefined, label: string) {
    this.message = message;
    this.group = group;
    this.around = around;
    this.label = label;
  }

  text(): TreeText {
    return undefined;
  }

  count(step: Step): number {
    return this.own(step) || (this.around?.count(step) ?? 0);
  }

  own(step: Step): number {
    const name = typeof step === 'string' ? step : String(step);
    const { segments, groups, seen } = this.group;
    return (segments.get(name) ?? groups.get(name) ?? seen?.get(name))?.length ?? 0;
  }

  child(step: Step, index = 0): TreeReader {
    if (step === this.lastStep && index === 0 && this.lastPlace) return this.lastPlace;
    let named = this.places.get(step);
    if (!named) this.places.set(step, (named = []));
    const place = (named[index] ??= this.find(String(step), index));
    if (index === 0) {
      this.lastStep = step;
      this.lastPlace = place;
    }
    return place;
  }

  private find(name: string, index: number): TreeReader {
    const { message, group, around } = this;
    const inner = group.groups.get(name)?.[index];
    if (inner) return new GroupReader(message, inner, this, `${name}[${index + 1}]`);
    const segments = group.segments.get(name) ?? group.seen?.get(name);
    if (!segments && around && around.count(name) > 0) return around.child(name, index);
    const at = segments?.[index];
    const segment = at === undefined ? undefined : message.segments[at];
    return new SegmentReader(name, segment, () => {
      const nth = segment ? message.nth(segment) : index + 1;
      return nth > 1 ? `${name}[${nth}]` : name;
    });
  }

  steps(): readonly Step[] {
    return [...this.group.segments.keys(), ...this.group.groups.keys()];
  }

  filled(): boolean {
    return this.group.segments.size > 0 || this.group.groups.size > 0;
  }

  location(): string {
    const above = this.around?.location() ?? '';
    return above === '' ? this.label : `${above}/${this.label}`;
  }
}

class SegmentReader implements TreeReader, FieldOwner {
  readonly segment: Segment | undefined;
  readonly codes: DelimiterCodes | undefined;
  private readonly name: string;
  private readonly header: boolean;
  private readonly label: () => string;
  /** Repetitions of the fields asked for so far. */
  private readonly fields: (readonly PartReader[] | undefined)[] = [];

  constructor(name: string, segment: Segment | undefined, label: () => string) {
    this.name = name;
    this.segment = segment;
    this.codes = segment?.context.delimiters.codes;
    this.header = name === 'MSH' || name === 'FHS' || name === 'BHS';
    this.label = label;
  }

  text(): TreeText {
    return undefined;
  }

  count(step: Step): number {
    return typeof step === 'number' ? this.repetitions(step).length : 0;
  }

  child(step: Step, index = 0): TreeReader {
    if (typeof step !== 'number') throw new TypeError(`${this.name} has no field ${step}`);
    return this.repetitions(step)[index] ?? new PartReader(this, NOT_THERE, -1, -1, step, index + 1, 0, 0);
  }

  holds(part: number): boolean {
    // Most fields that are asked for are empty, and are not worth an object.
    if (!this.fields[part] && this.isEmpty(part)) return false;
    for (const repetition of this.repetitions(part)) if (repetition.filled()) return true;
    return false;
  }

  private isEmpty(field: number): boolean {
    if (this.segment === undefined) return true;
    if (this.isDelimiters(field)) return false;
    const cell = this.segment.place(field);
    return cell === undefined || cell.from === cell.to;
  }

  private repetitions(field: number): readonly PartReader[] {
    const known = this.fields[field];
    if (known) return known;
    const made = this.takeApart(field);
    this.fields[field] = made;
    return made;
  }

  private takeApart(field: number): readonly PartReader[] {
    const { segment } = this;
    if (segment === undefined) return NO_PARTS;
    if (this.isDelimiters(field)) return this.delimiters(segment, field);
    const cell = segment.place(field);
    if (cell === undefined) return NO_PARTS;
    const { text, from, to } = cell;
    if (text.plain || isPlainRange(text.source, from, to))
      return this.split({ raw: text.raw, scan: text.source }, from, to, field);
    const decoded = writtenOf(segment.written(field)!);
    return this.split(decoded, 0, decoded.raw.length, field);
  }

  private delimiters(segment: Segment, field: number): readonly PartReader[] {
    const text = segment.written(field);
    if (text === undefined) return NO_PARTS;
    return [new PartReader(this, writtenOf(text), 0, text.length, field, 1, 0, 0)];
  }

  private split(written: Written, from: number, to: number, field: number): readonly PartReader[] {
    const { scan } = written;
    const { repetition } = this.codes!;
    const repetitions: PartReader[] = [];
    let start = from;
    for (let at = from; at < to; at += 1) {
      if (scan[at] !== repetition) continue;
      repetitions.push(new PartReader(this, written, start, at, field, repetitions.length + 1, 0, 0));
      start = at + 1;
    }
    repetitions.push(new PartReader(this, written, start, to, field, repetitions.length + 1, 0, 0));
    return repetitions;
  }

  /** MSH-1 and MSH-2 are the delimiters, not made of parts by them (HL7 v2.5.1 §2.15.9.1). */
  isDelimiters(field: number): boolean {
    return field <= 2 && this.header;
  }

  steps(): readonly Step[] {
    const filled: number[] = [];
    const last = this.segment?.fieldCount ?? 0;
    for (let field = this.isDelimiters(1) ? 3 : 1; field <= last; field += 1)
      if (this.holds(field)) filled.push(field);
    return filled;
  }

  words(): string | undefined {
    const words = this.segment?.bytes();
    return words === undefined || words.length > MOST_WORDS ? undefined : words;
  }

  filled(): boolean {
    return this.segment !== undefined;
  }

  location(): string {
    return this.label();
  }
}
