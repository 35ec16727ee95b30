import type { Resource } from '../fhir/types.ts';
import type { CompiledMap } from './compiled-map.ts';
import { detached, type Answer, type ReadBefore } from './memo.ts';
import { readTree, type ReadResult } from './run-map.ts';
import type { Loss, RunContext } from './run.ts';
import { ownCount, type Step, type TreeReader, type TreeText } from './tree.ts';

/** Most readings of one segment that are kept: what else they asked for differs. */
const MOST_KEPT = 6;

/**
 * As `readTree`, from memory where the same first segment was read before and all else that the reading asked for says now what it said then: reading is
 * pure, so that the same answers lead to the same resource.
 */
export function readTreeAgain(map: CompiledMap, place: TreeReader, context: RunContext): ReadResult {
  const { memo } = context;
  const first = map.segments[0];
  const shelf = memo?.resources.of(map.codec);
  if (!shelf || first === undefined || !shelf.worthwhile()) return readTree(map, place, context);
  const words = segmentsSay(place, first);
  if (words === undefined) return readTree(map, place, context);
  const before = shelf.find(words) ?? [];
  const same = before.find(({ answers }) => answers.every((answer) => saidOf(place, answer) === answer.said));
  if (same) return new SharedReading(same.resource, map, place, context);
  const watched = new WatchedGroup(place, first);
  const result = readTree(map, watched, context);
  const { resource, told, askedFacts } = result;
  const answers = resource && told.length === 0 && !askedFacts ? watched.answers() : undefined;
  if (answers) {
    const kept: ReadBefore = { resource: detached(resource!), answers };
    shelf.keep(words, [kept, ...before.slice(0, MOST_KEPT - 1)]);
  }
  return result;
}

/** A class, as `TreeReading` is. */
class SharedReading implements ReadResult {
  readonly resource: Resource;
  readonly shared = true;
  readonly told: readonly Loss[] = [];
  readonly askedFacts = false;
  private readonly map: CompiledMap;
  private readonly place: TreeReader;
  private readonly context: RunContext;
  private lost: readonly Loss[] | undefined;

  constructor(resource: Resource, map: CompiledMap, place: TreeReader, context: RunContext) {
    this.resource = resource;
    this.map = map;
    this.place = place;
    this.context = context;
  }

  get loss(): readonly Loss[] {
    const { map, place, context } = this;
    return (this.lost ??= readTree(map, place, { ...context, memo: undefined }).loss);
  }
}

function saidOf(place: TreeReader, { segment, field }: Omit<Answer, 'said'>): string | undefined {
  if (!field) return segmentsSay(place, segment);
  return repetitionsSay(place.child(segment, field.index), field.field);
}

/** All that a group says of the segments of a name; undefined: not to be told, or too long. */
function segmentsSay(place: TreeReader, name: string): string | undefined {
  const said = repetitionsSay(place, name);
  return said && `${ownCount(place, name)} ${said}`;
}

function repetitionsSay(place: TreeReader, step: Step): string | undefined {
  const count = place.count(step);
  let said = String(count);
  for (let index = 0; index < count; index += 1) {
    const words = place.child(step, index).words?.();
    if (words === undefined) return undefined;
    said += `\r${words}`;
  }
  return said;
}

/** A group that remembers what it was asked, besides its first segments. */
class WatchedGroup implements TreeReader {
  private readonly group: TreeReader;
  private readonly first: string;
  /** Segments by name of which something other than fields was asked. */
  private readonly whole = new Set<string>();
  /** By name, in order of their places. */
  private readonly segments = new Map<string, WatchedSegment[]>();
  /** In the order in which they were asked for. */
  private readonly asked: WatchedSegment[] = [];
  private everything = false;

  constructor(group: TreeReader, first: string) {
    this.group = group;
    this.first = first;
  }

  /** undefined: that cannot be told. */
  answers(): readonly Answer[] | undefined {
    if (this.everything) return undefined;
    const questions: Omit<Answer, 'said'>[] = [...this.whole].map((segment) => ({ segment }));
    for (const segment of this.asked) {
      if (segment.whole) questions.push({ segment: segment.name });
      else
        for (const field of segment.fields)
          questions.push({ segment: segment.name, field: { index: segment.index, field } });
    }
    const answers: Answer[] = [];
    for (const question of questions) {
      const said = saidOf(this.group, question);
      if (said === undefined) return undefined;
      answers.push({ ...question, said });
    }
    return answers;
  }

  text(): TreeText {
    return this.group.text();
  }

  count(step: Step): number {
    this.ask(step);
    return this.group.count(step);
  }

  own(step: Step): number {
    this.ask(step);
    return ownCount(this.group, step);
  }

  child(step: Step, index = 0): TreeReader {
    const child = this.group.child(step, index);
    if (step === this.first) return child;
    const name = typeof step === 'string' ? step : String(step);
    if (this.whole.has(name)) return child;
    let places = this.segments.get(name);
    if (!places) this.segments.set(name, (places = []));
    const known = places[index];
    if (known) return known;
    const watched = new WatchedSegment(child, name, index);
    places[index] = watched;
    this.asked.push(watched);
    return watched;
  }

  steps(): readonly Step[] {
    this.everything = true;
    return this.group.steps();
  }

  filled(): boolean {
    this.everything = true;
    return this.group.filled();
  }

  location(): string {
    return this.group.location();
  }

  private ask(step: Step): void {
    if (step !== this.first) this.whole.add(typeof step === 'string' ? step : String(step));
  }
}

/** A segment that remembers which of its fields were asked for. */
class WatchedSegment implements TreeReader {
  readonly name: string;
  readonly index: number;
  readonly fields = new Set<Step>();
  whole = false;
  private readonly segment: TreeReader;

  constructor(segment: TreeReader, name: string, index: number) {
    this.segment = segment;
    this.name = name;
    this.index = index;
  }

  text(): TreeText {
    this.whole = true;
    return this.segment.text();
  }

  count(step: Step): number {
    this.fields.add(step);
    return this.segment.count(step);
  }

  child(step: Step, index?: number): TreeReader {
    this.fields.add(step);
    return this.segment.child(step, index);
  }

  holds(part: number): boolean {
    this.fields.add(part);
    return this.segment.holds?.(part) ?? true;
  }

  steps(): readonly Step[] {
    this.whole = true;
    return this.segment.steps();
  }

  filled(): boolean {
    this.whole = true;
    return this.segment.filled();
  }

  location(): string {
    return this.segment.location();
  }
}
