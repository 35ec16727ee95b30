import type { SegmentGroup } from '../../src/mapping/structure.ts';
import type { Step, TreeText, TreeWriter } from '../../src/mapping/tree.ts';
import type { Message } from './message.ts';
import type { Segment } from './segment.ts';
import { SegmentPlace } from './segment-place.ts';

/**
 * A message as the tree that maps read and write: its groups, segments, fields, components. A group that lacks a
 * segment finds it in the groups around it, so that NK1's map may ask for PID-3.
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
    const nth = segment ? this.message.nth(segment) : index + 1;
    return nth > 1 ? `${name}[${nth}]` : name;
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

  /** Takes segments away, puts new ones in, and puts them in order. Throws TypeError as `Message.reorder`. */
  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    const name = String(step);
    const present = this.group.segments.get(name) ?? [];
    const kept = sources.filter((source) => source !== undefined);
    for (const [at, segment] of present.entries()) if (!kept.includes(at)) this.message.remove(segment);
    const left = kept.toSorted((one, other) => one - other).map((at) => present[at]!);
    if (left.length > 0) this.group.segments.set(name, left);
    else this.group.segments.delete(name);
    const made = sources.map((source) => (source === undefined ? this.make(name) : present[source]!));
    if (made.length > 0) this.group.segments.set(name, made);
    const places = made.map((segment) => this.message.segments.indexOf(segment));
    if (places.some((place, at) => at > 0 && place < places[at - 1]!)) this.message.reorder(made);
    this.places.delete(name);
  }

  order(): void {}
}
