import type { SegmentGroup } from '../../src/mapping/structure.ts';
import type { Step, TreeReader, TreeText } from '../../src/mapping/tree.ts';
import type { Message } from './message.ts';
import { partsWithText } from './parts-with-text.ts';
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

/** Longest text of a place that is worth comparing with others. */
const MOST_WORDS = 1_000;

class GroupReader implements TreeReader {
  private readonly message: Message;
  private readonly group: SegmentGroup;
  private readonly around: GroupReader | undefined;
  private readonly label: string;
  /** Segments and groups by name, as they are asked for. */
  private readonly places = new Map<Step, TreeReader[]>();

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
    const name = String(step);
    const { segments, groups, seen } = this.group;
    return (segments.get(name) ?? groups.get(name) ?? seen?.get(name))?.length ?? 0;
  }

  child(step: Step, index = 0): TreeReader {
    let named = this.places.get(step);
    if (!named) this.places.set(step, (named = []));
    return (named[index] ??= this.find(String(step), index));
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

class SegmentReader implements TreeReader {
  readonly segment: Segment | undefined;
  private readonly name: string;
  private readonly label: () => string;
  /** Repetitions of the fields asked for so far. */
  private readonly fields: (readonly PartReader[] | undefined)[] = [];

  constructor(name: string, segment: Segment | undefined, label: () => string) {
    this.name = name;
    this.segment = segment;
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
    return this.repetitions(step)[index] ?? new PartReader(this, undefined, step, index + 1, 0, 0);
  }

  holds(part: number): boolean {
    for (const repetition of this.repetitions(part)) if (repetition.filled()) return true;
    return false;
  }

  private repetitions(field: number): readonly PartReader[] {
    const known = this.fields[field];
    if (known) return known;
    const made = this.takeApart(field);
    this.fields[field] = made;
    return made;
  }

  private takeApart(field: number): PartReader[] {
    const text = this.segment?.written(field);
    if (text === undefined) return [];
    const { repetition } = this.segment!.context.delimiters;
    if (this.isDelimiters(field) || repetition === '' || !text.includes(repetition))
      return [new PartReader(this, text, field, 1, 0, 0)];
    return text.split(repetition).map((one, index) => new PartReader(this, one, field, index + 1, 0, 0));
  }

  /** MSH-1 and MSH-2 are the delimiters, not made of parts by them (HL7 v2.5.1 §2.15.9.1). */
  isDelimiters(field: number): boolean {
    return field <= 2 && /^(MSH|FHS|BHS)$/.test(this.name);
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

/** A repetition of a field, a component of it (`component` above 0), or a subcomponent (`subcomponent` above 0). */
class PartReader implements TreeReader {
  private readonly above: SegmentReader;
  /** Decoded, escape sequences and separators as they are written; undefined: not there. */
  private readonly written: string | undefined;
  private readonly field: number;
  private readonly repetition: number;
  private readonly component: number;
  private readonly subcomponent: number;
  /** Taken apart when first asked for; null: it is one value. */
  private parts: readonly PartReader[] | null | undefined = undefined;

  constructor(
    above: SegmentReader,
    written: string | undefined,
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ) {
    this.above = above;
    this.written = written;
    this.field = field;
    this.repetition = repetition;
    this.component = component;
    this.subcomponent = subcomponent;
  }

  text(): TreeText {
    const { written } = this;
    if (written === undefined || written === '') return written;
    const parts = this.takenApart();
    if (parts) return parts[0]!.text();
    if (written === '""') return null;
    const segment = this.above.segment!;
    const { escape } = segment.context.delimiters;
    if (escape === '' || !written.includes(escape)) return written;
    return segment.value(this.field, this.repetition, this.component || 1, this.subcomponent || 1);
  }

  child(step: Step, index = 0): TreeReader {
    if (typeof step !== 'number' || index > 0)
      throw new TypeError('parts of a field are numbers and do not repeat');
    const part = this.takenApart()?.[step - 1];
    if (part) return part;
    // A place without parts is its own first part.
    const simple = step === 1 && !this.parts;
    if (simple && this.subcomponent > 0) return this;
    return this.below(step, simple ? this.written : undefined);
  }

  private below(step: number, written: string | undefined): PartReader {
    const { above, field, repetition, component } = this;
    if (component === 0) return new PartReader(above, written, field, repetition, step, 0);
    return new PartReader(above, written, field, repetition, component, step);
  }

  private takenApart(): readonly PartReader[] | null {
    this.parts ??= this.takeApart();
    return this.parts;
  }

  private takeApart(): readonly PartReader[] | null {
    const { written, above, field } = this;
    if (!written || this.subcomponent > 0 || above.isDelimiters(field)) return null;
    const { component, subcomponent } = above.segment!.context.delimiters;
    const holdsSubcomponents = subcomponent !== '' && written.includes(subcomponent);
    if (this.component > 0) return holdsSubcomponents ? this.split(written, subcomponent) : null;
    if (component !== '' && written.includes(component)) return this.split(written, component);
    return holdsSubcomponents ? [this.below(1, written)] : null;
  }

  private split(written: string, separator: string): PartReader[] {
    return written.split(separator).map((part, index) => this.below(index + 1, part));
  }

  count(step: Step): number {
    if (typeof step !== 'number' || this.written === undefined) return 0;
    return step <= (this.takenApart()?.length ?? 1) ? 1 : 0;
  }

  filledParts(): number {
    const { written } = this;
    if (!written) return 0;
    return partsWithText(written, this.above.segment!.context.delimiters.codes, this.component > 0);
  }

  steps(): readonly Step[] {
    const parts = this.takenApart();
    if (!parts) return [];
    if (parts.length === 1) return parts[0]!.count(2) > 0 ? [1] : [];
    return parts.flatMap((part, index) => (part.filled() ? [index + 1] : []));
  }

  words(): string | undefined {
    const { written, above, field, component, subcomponent } = this;
    if (written === undefined || written.length > MOST_WORDS || subcomponent > 0) return undefined;
    if (field <= 2 && above.isDelimiters(field)) return undefined;
    // A component has other parts than a field with the same text.
    return component > 0 ? `&${written}` : `^${written}`;
  }

  filled(): boolean {
    const { written, above, field } = this;
    return !!written && (above.isDelimiters(field) || this.filledParts() !== 0);
  }

  location(): string {
    const repetition = this.repetition === 1 ? '' : `[${this.repetition}]`;
    const component = this.component === 0 ? '' : `.${this.component}`;
    const subcomponent = this.subcomponent === 0 ? '' : `.${this.subcomponent}`;
    return `${this.above.location()}-${this.field}${repetition}${component}${subcomponent}`;
  }
}
