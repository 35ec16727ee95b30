import type { Resource } from '../fhir/types.ts';
import type { CompiledMessage, Reading, ReadingMode } from './compiled-message.ts';
import type { CompiledMap } from './compiled-map.ts';
import { mentioned } from './mentioned.ts';
import { linkResources, type Link } from './message-links.ts';
import { createPlaces, segmentsOf } from './message-places.ts';
import { readTreeAgain } from './read-again.ts';
import type { ReadResult } from './run-map.ts';
import { startRun, type Loss, type Run, type RunContext } from './run.ts';
import type { TreeReader } from './tree.ts';
import type { Undoing } from './undoing.ts';
import { undoingOf } from './update-rules.ts';

/** One resource of a message. Ids and references are legacy keys, `HOSP|100234`. */
export interface MessageResource {
  /** Where it was read: `.`, `NK1[2]`, `PATIENT[1]/NK1[1]`; of a mention the field: `PV1-7`. */
  readonly from: string;
  /** One that is frozen was read before: it is the object that it was then. */
  readonly resource: Resource | undefined;
  readonly mode: ReadingMode;
  readonly map: CompiledMap;
  /** What it does to what is known, beside what it says; undefined: nothing. */
  readonly undoing: Undoing | undefined;
  /** Where the segments stand that it was read from: `PID`, `OBX[2]`. Worked out when it is asked for. */
  readonly segments: readonly string[];
  /** What reading itself could not take: codes, dates, authorities. */
  readonly told: readonly Loss[];
  /** All that had no home, `told` included. Worked out when it is asked for. */
  readonly loss: readonly Loss[];
}

/** A change of identity, by keys; a key that is absent could not be told. */
export interface MessageIdentity {
  readonly kind: 'merge' | 'unmerge' | 'move';
  readonly type: string;
  readonly from: string | undefined;
  readonly into: string | undefined;
}

export interface MessageReading {
  readonly resources: readonly MessageResource[];
  readonly identity: readonly MessageIdentity[];
  /** Fields that its changes of identity were read from: `MRG-1`, `PID-3`. */
  readonly identityFields: readonly string[];
  /** Segments that no map reads. Worked out when it is asked for. */
  readonly loss: readonly Loss[];
}

interface Draft extends MessageResource {
  resource: Resource | undefined;
  /** What it consists of is others' as well. */
  shared: boolean;
  readonly as: string | undefined;
  readonly links: readonly Link[];
  /** Whether its key was made of several fields. */
  readonly keyed: boolean;
}

/**
 * Reads a message by its structure's `reads`, `mentions` and `merges`.
 * @param root the message, grouped by the structure (`adapters/hl7v2/tree.ts`).
 */
export function readMessage(message: CompiledMessage, root: TreeReader, context: RunContext): MessageReading {
  const { run } = startRun(context);
  const resources: Draft[] = [];
  const placesOf = createPlaces(root);
  for (const reading of message.readings) {
    const { map, when } = reading;
    for (const { place, from } of placesOf(reading.in)) {
      if (!map.segments.some((segment) => place.count(segment) > 0)) continue;
      if (when && !when.holds(place, run)) continue;
      resources.push(readResource(reading, place, from, root, run, context));
    }
  }
  tellApart(resources);
  if (message.mentions.length > 0)
    for (const one of mentioned(message.mentions, segmentsOf(root), resources, context))
      resources.push({ ...MENTION, ...one });
  linkResources(resources);
  const changed: TreeReader[] = [];
  const identityFields: string[] = [];
  const identity = message.merges.flatMap((change) =>
    placesOf(change.in).flatMap(({ place }): MessageIdentity[] => {
      if (place.count(change.segment) === 0 || (change.when && !change.when.holds(place, run))) return [];
      changed.push(place.child(change.segment));
      identityFields.push(...change.fields);
      const { kind, type } = change;
      return [{ kind, type, from: change.from(place, run), into: change.into(place, run) }];
    }),
  );
  return new WholeReading(resources, identity, identityFields, changed, message, root);
}

/** A class, as `TreeReading` is. */
class WholeReading implements MessageReading {
  readonly resources: readonly MessageResource[];
  readonly identity: readonly MessageIdentity[];
  readonly identityFields: readonly string[];
  private readonly changed: readonly TreeReader[];
  private readonly message: CompiledMessage;
  private readonly root: TreeReader;

  /** @param changed segments that its changes of identity were read from */
  constructor(
    resources: readonly MessageResource[],
    identity: readonly MessageIdentity[],
    identityFields: readonly string[],
    changed: readonly TreeReader[],
    message: CompiledMessage,
    root: TreeReader,
  ) {
    this.resources = resources;
    this.identity = identity;
    this.identityFields = identityFields;
    this.changed = changed;
    this.message = message;
    this.root = root;
  }

  get loss(): readonly Loss[] {
    const read = new Set(this.resources.flatMap(({ segments }) => segments));
    for (const segment of this.changed) read.add(segment.location());
    return unreadSegments(this.message, this.root, read);
  }
}

function unreadSegments(message: CompiledMessage, root: TreeReader, read: ReadonlySet<string>): Loss[] {
  return segmentsOf(root).flatMap(([name, segment]): Loss[] => {
    const path = segment.location();
    if (read.has(path)) return [];
    const drop = message.drops[name];
    return [drop ? { kind: 'dropped', path, why: drop.why } : { kind: 'unmapped', path }];
  });
}

function readResource(
  reading: Reading,
  place: TreeReader,
  from: string,
  root: TreeReader,
  run: Run,
  context: RunContext,
): Draft {
  const { map, key } = reading;
  const result = readTreeAgain(map, place, context);
  const own = result.resource?.id;
  const id = result.resource && (own ?? key?.(place, run) ?? placeKey(map, root, from, run));
  const resource = id === own ? result.resource : { ...result.resource!, id: id! };
  const updates = reading.mode === 'update' ? map.updates : [];
  const undoing = updates.length > 0 ? undoingOf(updates, place, run.quiet) : undefined;
  return new ReadDraft(reading, from, place, result, resource, undoing);
}

/** A class, as `TreeReading` is. */
class ReadDraft implements Draft {
  readonly from: string;
  readonly map: CompiledMap;
  readonly told: readonly Loss[];
  readonly keyed: boolean;
  readonly as: string | undefined;
  readonly mode: ReadingMode;
  readonly links: readonly Link[];
  readonly undoing: Undoing | undefined;
  resource: Resource | undefined;
  shared: boolean;
  private readonly place: TreeReader;
  private readonly result: ReadResult;

  /** @param resource that of the result, with a key */
  constructor(
    { map, as, mode, links }: Reading,
    from: string,
    place: TreeReader,
    result: ReadResult,
    resource: Resource | undefined,
    undoing: Undoing | undefined,
  ) {
    this.from = from;
    this.map = map;
    this.told = result.told;
    this.keyed = result.resource?.id === undefined;
    this.as = as;
    this.mode = mode;
    this.links = links;
    this.undoing = undoing;
    this.resource = resource;
    this.shared = result.shared === true;
    this.place = place;
    this.result = result;
  }

  get segments(): readonly string[] {
    const { map, place } = this;
    return map.segments.flatMap((segment) => spokenOf(map, segment, place));
  }

  get loss(): readonly Loss[] {
    return this.result.loss;
  }
}

/** What a message says twice by the same fields is two things: `HOSP|4711/NOTE`, `HOSP|4711/NOTE/2`. */
function tellApart(resources: readonly Draft[]): void {
  const seen = new Map<string, number>();
  for (const { resource, keyed } of resources) {
    if (!keyed || !resource?.id) continue;
    const name = `${resource.resourceType}/${resource.id}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    if (count > 1) resource.id = `${resource.id}/${count}`;
  }
}

/** The key of what has no number of its own: its place in this one message, below the sender's authority. Who a patient is, no place tells. */
function placeKey(map: CompiledMap, root: TreeReader, from: string, run: Run): string | undefined {
  if (run.defaultAuthority === undefined || map.fhirType === 'Patient') return undefined;
  const header = root.child('MSH');
  const parts = [3, 4, 10].map((field) => header.child(field).text() ?? '');
  return `${run.defaultAuthority}|${[...parts, from].join('/')}`;
}

const MENTION = {
  as: undefined,
  mode: 'mention',
  links: [],
  undoing: undefined,
  keyed: false,
  shared: true,
  segments: [],
  told: [],
  loss: [],
} as const satisfies Partial<Draft>;

/** Where the segments stand that a map reads: the first of its name, or every one where the map says so. */
function spokenOf(map: CompiledMap, segment: string, place: TreeReader): string[] {
  const count = map.cover.parts.get(segment)?.repeats ? place.count(segment) : 1;
  return Array.from({ length: count }, (_, index) => place.child(segment, index).location());
}
