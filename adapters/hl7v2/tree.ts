import { FicusError } from '../../src/errors.ts';
import type { SegmentGroup } from '../../src/mapping/structure.ts';
import type { Step, TreeText, TreeWriter } from '../../src/mapping/tree.ts';
import type { DelimiterCodes } from './delimiters.ts';
import type { Message } from './message.ts';
import type { NestedComponent, NestedRepetition } from './nested.ts';
import type { Segment } from './segment.ts';

/**
 * A message as the tree that maps read and write: its groups, segments, fields, components. A group that lacks a segment finds it
 * in the groups around it, so that NK1's map may ask for PID-3.
 *
 * @param grouping from `compileStructure`; without it every segment stands in one group.
 * @param order names of segments in the structure's order: where a new segment is put. Without it: at the end.
 */
export function messageTree(
  message: Message,
  grouping?: SegmentGroup,
  order: readonly string[] = [],
): TreeWriter {
  return new GroupPlace(message, bind(message, grouping ?? flat(message)), undefined, '', order);
}

/** A group bound to the segments of a message, which keep their identity when others are put in. */
interface BoundGroup {
  readonly segments: Map<string, Segment[]>;
  readonly groups: Map<string, BoundGroup[]>;
  /** Segments of open groups inside. */
  readonly seen: ReadonlyMap<string, readonly Segment[]>;
}

function flat(message: Message): SegmentGroup {
  const segments = new Map<string, number[]>();
  for (const [index, segment] of message.segments.entries()) {
    const list = segments.get(segment.name);
    if (list) list.push(index);
    else segments.set(segment.name, [index]);
  }
  return { name: '', parent: undefined, segments, groups: new Map() };
}

function bind(message: Message, group: SegmentGroup): BoundGroup {
  const segments = new Map<string, Segment[]>();
  for (const [name, indexes] of group.segments)
    segments.set(
      name,
      indexes.map((index) => message.segments[index]!),
    );
  const groups = new Map<string, BoundGroup[]>();
  for (const [name, list] of group.groups)
    groups.set(
      name,
      list.map((it) => bind(message, it)),
    );
  const seen = new Map<string, Segment[]>();
  for (const [name, indexes] of group.seen ?? [])
    seen.set(
      name,
      indexes.map((index) => message.segments[index]!),
    );
  return { segments, groups, seen };
}

class GroupPlace implements TreeWriter {
  private readonly message: Message;
  private readonly group: BoundGroup;
  private readonly around: GroupPlace | undefined;
  private readonly label: string;
  private readonly sequence: readonly string[];
  private readonly places = new Map<string, SegmentPlace[]>();

  constructor(
    message: Message,
    group: BoundGroup,
    around: GroupPlace | undefined,
    label: string,
    sequence: readonly string[],
  ) {
    this.message = message;
    this.group = group;
    this.around = around;
    this.label = label;
    this.sequence = sequence;
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
    return (segments.get(name) ?? groups.get(name) ?? seen.get(name))?.length ?? 0;
  }

  child(step: Step, index = 0): TreeWriter {
    const name = String(step);
    const known = this.places.get(name)?.[index];
    if (known) return known;
    const group = this.group.groups.get(name)?.[index];
    if (group) return new GroupPlace(this.message, group, this, `${name}[${index + 1}]`, this.sequence);
    const segments = this.group.segments.get(name) ?? this.group.seen.get(name);
    if (!segments && this.around && this.around.count(step) > 0) return this.around.child(step, index);
    const segment = segments?.[index];
    const place = new SegmentPlace(
      name,
      segment,
      () => this.nameOf(name, place.segment(), index),
      () => this.make(name),
    );
    const places = this.places.get(name);
    if (places) places[index] = place;
    else this.places.set(name, Object.assign([], { [index]: place }));
    return place;
  }

  /** `NK1[2]` for the second of the message. */
  private nameOf(name: string, segment: Segment | undefined, index: number): string {
    const nth = segment ? this.message.all(name).indexOf(segment) : index;
    return nth > 0 ? `${name}[${nth + 1}]` : name;
  }

  /** Puts a new segment where the structure wants it, else at the end of the group, else of the message. */
  private make(name: string): Segment {
    const rank = this.sequence.indexOf(name);
    const all = this.message.segments;
    const mine = [...this.group.segments.values()].flat().map((segment) => all.indexOf(segment));
    const before = mine.filter((at) => rank >= 0 && this.sequence.indexOf(all[at]!.name) <= rank);
    const last =
      before.length > 0 ? Math.max(...before) : mine.length > 0 ? Math.max(...mine) : all.length - 1;
    const segment = this.message.insert(last + 1, [name]);
    const list = this.group.segments.get(name);
    if (list) list.push(segment);
    else this.group.segments.set(name, [segment]);
    return segment;
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

  set(): void {
    throw new TypeError('a group of segments has no text');
  }

  /** Groups and segments are not taken away by a map. */
  clear(): void {}

  /** Takes segments away and puts new ones in; those that stay keep their order. */
  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    const name = String(step);
    const present = this.group.segments.get(name) ?? [];
    const kept = sources.filter((source) => source !== undefined);
    if (kept.some((source, at) => at > 0 && source < kept[at - 1]!))
      throw new TypeError('segments are not re-ordered by a map');
    for (const [at, segment] of present.entries()) if (!kept.includes(at)) this.message.remove(segment);
    const left = kept.map((at) => present[at]!);
    if (left.length > 0) this.group.segments.set(name, left);
    else this.group.segments.delete(name);
    const made = sources.map((source) => (source === undefined ? this.make(name) : present[source]!));
    if (made.length > 0) this.group.segments.set(name, made);
    this.places.delete(name);
  }

  order(): void {}
}

class SegmentPlace implements TreeWriter {
  private present: Segment | undefined;
  private readonly name: string;
  private readonly label: () => string;
  private readonly make: () => Segment;

  constructor(name: string, segment: Segment | undefined, label: () => string, make: () => Segment) {
    this.name = name;
    this.present = segment;
    this.label = label;
    this.make = make;
  }

  segment(): Segment | undefined {
    return this.present;
  }

  /** The segment to write to, made when it is not there. */
  made(): Segment {
    this.present ??= this.make();
    return this.present;
  }

  text(): TreeText {
    return undefined;
  }

  count(step: Step): number {
    return this.present && typeof step === 'number' ? this.present.repetitions(step) : 0;
  }

  child(step: Step, index = 0): TreeWriter {
    if (typeof step !== 'number') throw new TypeError(`${this.name} has no field ${step}`);
    return new FieldPlace(this, step, index + 1, undefined, undefined);
  }

  holds(part: number): boolean {
    return this.present !== undefined && isFilled(this.present, part);
  }

  steps(): readonly Step[] {
    const segment = this.present;
    if (!segment) return [];
    const header = /^(MSH|FHS|BHS)$/.test(this.name) ? 2 : 0;
    const filled: number[] = [];
    for (let field = header + 1; field <= segment.fieldCount; field += 1)
      if (isFilled(segment, field)) filled.push(field);
    return filled;
  }

  filled(): boolean {
    return this.present !== undefined;
  }

  location(): string {
    return this.label();
  }

  set(): void {
    throw new TypeError('a segment has no text');
  }

  clear(): void {}

  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    if (typeof step === 'number') arrangeField(this, step, sources);
  }

  order(): void {}
}

/** A repetition of a field, a component of it, or a subcomponent. */
class FieldPlace implements TreeWriter {
  private readonly above: SegmentPlace;
  private readonly field: number;
  private readonly repetition: number;
  private readonly component: number | undefined;
  private readonly subcomponent: number | undefined;

  constructor(
    above: SegmentPlace,
    field: number,
    repetition: number,
    component: number | undefined,
    subcomponent: number | undefined,
  ) {
    this.above = above;
    this.field = field;
    this.repetition = repetition;
    this.component = component;
    this.subcomponent = subcomponent;
  }

  text(): TreeText {
    return this.above
      .segment()
      ?.value(this.field, this.repetition, this.component ?? 1, this.subcomponent ?? 1);
  }

  count(step: Step): number {
    if (typeof step !== 'number') return 0;
    const parts = this.parts();
    return step <= parts ? 1 : 0;
  }

  /** Components or subcomponents below. */
  private parts(): number {
    const segment = this.above.segment();
    if (!segment) return 0;
    if (this.component === undefined) return segment.components(this.field, this.repetition);
    if (this.subcomponent === undefined)
      return segment.subcomponents(this.field, this.repetition, this.component);
    return 1;
  }

  child(step: Step, index = 0): TreeWriter {
    if (typeof step !== 'number' || index > 0)
      throw new TypeError('parts of a field are numbers and do not repeat');
    const { above, field, repetition, component, subcomponent } = this;
    if (component === undefined) return new FieldPlace(above, field, repetition, step, undefined);
    if (subcomponent === undefined) return new FieldPlace(above, field, repetition, component, step);
    // Below a subcomponent nothing is: its first part is itself, others do not exist.
    return step === 1 ? this : NOWHERE;
  }

  filledParts(): number {
    const segment = this.above.segment();
    const text = segment?.written(this.field, this.repetition, this.component, this.subcomponent);
    return text ? partsWithText(text, segment!.context.delimiters.codes, this.component !== undefined) : 0;
  }

  steps(): readonly Step[] {
    const parts = this.parts();
    if (parts <= 1) return this.component === undefined && this.child(1).count(2) > 0 ? [1] : [];
    const filled: number[] = [];
    for (let part = 1; part <= parts; part += 1) if (this.child(part).filled()) filled.push(part);
    return filled;
  }

  filled(): boolean {
    const segment = this.above.segment();
    return (
      segment !== undefined &&
      isFilled(segment, this.field, this.repetition, this.component, this.subcomponent)
    );
  }

  location(): string {
    const repetition = this.repetition === 1 ? '' : `[${this.repetition}]`;
    const parts = [this.component, this.subcomponent]
      .map((part) => (part === undefined ? '' : `.${part}`))
      .join('');
    return `${this.above.location()}-${this.field}${repetition}${parts}`;
  }

  set(text: string): void {
    const segment = this.above.made();
    const { field, repetition, component, subcomponent } = this;
    if (this.parts() <= 1 && this.steps().length === 0)
      segment.set(text, field, repetition, component ?? 1, subcomponent ?? 1);
    else segment.replace(text, field, repetition, component);
  }

  clear(): void {
    const segment = this.above.segment();
    const { field, repetition, component, subcomponent } = this;
    if (!segment || (segment.written(field, repetition, component, subcomponent) ?? '') === '') return;
    if (subcomponent !== undefined) segment.set('', field, repetition, component, subcomponent);
    else if (component !== undefined) segment.replace('', field, repetition, component);
    else if (segment.repetitions(field) > 1) segment.replace('', field, repetition);
    else segment.replace(null, field);
  }

  arrange(): void {
    throw new TypeError('components do not repeat');
  }

  order(): void {}
}

/** A place below a subcomponent. */
const NOWHERE: TreeWriter = {
  text: () => undefined,
  count: () => 0,
  child: () => NOWHERE,
  steps: () => [],
  filled: () => false,
  location: () => '',
  set: () => {
    throw new TypeError('HL7v2 has no parts below subcomponents');
  },
  clear: () => {},
  arrange: () => {},
  order: () => {},
};

/** The parts of a repetition, or of a component, that hold more than separators: bit n for part n, bit 31 for all from 31 on. */
export function partsWithText(text: string, codes: DelimiterCodes, below: boolean): number {
  const separator = below ? codes.subcomponent : codes.component;
  let parts = 0;
  let part = 1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === separator) part += 1;
    else if (code !== codes.subcomponent) parts |= 1 << Math.min(part, 31);
  }
  return parts;
}

/** Whether a level holds more than separators. */
function isFilled(
  segment: Segment,
  field: number,
  repetition?: number,
  component?: number,
  subcomponent?: number,
): boolean {
  const first = segment.value(field, repetition ?? 1, component ?? 1, subcomponent ?? 1);
  if (first === undefined && (repetition ?? 1) === 1) return false;
  if (first !== '' && first !== undefined) return true;
  if (subcomponent !== undefined) return false;
  const text = segment.written(field, repetition, component);
  if (text === undefined || text === '') return false;
  const { codes } = segment.context.delimiters;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== codes.component && code !== codes.subcomponent && code !== codes.repetition) return true;
  }
  return false;
}

function arrangeField(place: SegmentPlace, field: number, sources: readonly (number | undefined)[]): void {
  const segment = place.made();
  const count = segment.repetitions(field);
  if (
    sources.length >= count &&
    sources.every((source, at) => (at < count ? source === at : source === undefined))
  )
    return;
  const written = sources.map((source) =>
    source === undefined ? '' : (segment.written(field, source + 1) ?? ''),
  );
  const repetitions = sources.map((source) =>
    source === undefined ? '' : nestedOf(segment, field, source + 1),
  );
  segment.replace({ repetitions: repetitions.length === 0 ? [''] : repetitions }, field);
  for (const [at, text] of written.entries()) {
    if ((segment.written(field, at + 1) ?? '') === text) continue;
    throw new FicusError(
      'unmappable',
      `A repetition of ${place.location()}-${field} holds an escape sequence that cannot be moved.`,
    );
  }
}

/** A repetition as it is said, separators and all. */
function nestedOf(segment: Segment, field: number, repetition: number): NestedRepetition {
  return Array.from({ length: segment.components(field, repetition) }, (_, component): NestedComponent =>
    Array.from({ length: segment.subcomponents(field, repetition, component + 1) }, (_unused, subcomponent) =>
      segment.value(field, repetition, component + 1, subcomponent + 1),
    ),
  );
}
