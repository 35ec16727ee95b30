import type { Resource } from '../fhir/types.ts';
import { compileCondition } from './condition.ts';
import type { MessageFile } from './exchange-schema.ts';
import type { MappingSet } from './mapping-set.ts';
import { readTree } from './run-map.ts';
import { startRun, type Loss, type RunContext } from './run.ts';
import type { Step, TreeReader, TreeText } from './tree.ts';

/** One resource of a message, and what of its segments had no home. */
export interface MessageResource {
  /** Where it was read: `.`, `NK1[2]`, `PATIENT[1]/NK1[1]`. */
  readonly from: string;
  readonly resource: Resource | undefined;
  readonly loss: readonly Loss[];
}

export interface MessageReading {
  readonly resources: readonly MessageResource[];
  /** Segments that no map reads. */
  readonly loss: readonly Loss[];
}

/**
 * Reads a message by its structure's `reads`.
 * @param root the message, grouped by the structure (`adapters/hl7v2/tree.ts`).
 */
export function readMessage(
  set: MappingSet,
  file: MessageFile,
  root: TreeReader,
  context: RunContext,
): MessageReading {
  const { run, losses } = startRun(context);
  const resources: MessageResource[] = [];
  const read = new Set<string>();
  for (const { in: path, maps, when } of file.reads) {
    const map = set.combined(maps);
    const condition = when === undefined ? undefined : compileCondition(when, 'v2', undefined);
    for (const { place, from } of placesAt(root, path)) {
      if (!map.segments.some((segment) => holdsSegment(place, segment))) continue;
      if (condition && !condition.holds(place, run)) continue;
      for (const segment of map.segments) read.add(place.child(segment).location());
      const { resource, loss } = readTree(map, place, context);
      resources.push({ from, resource, loss });
    }
  }
  for (const [name, location] of segmentsOf(root)) {
    const drop = file.drops[name];
    if (read.has(location)) continue;
    if (drop) losses.push({ kind: 'dropped', path: location, why: drop.why });
    else losses.push({ kind: 'unmapped', path: location });
  }
  return { resources, loss: losses };
}

function holdsSegment(place: TreeReader, segment: string): boolean {
  return place.count(segment) > 0;
}

/** The groups, or single segments, at a path: `.`, `NK1`, `PATIENT/NK1`. */
function placesAt(root: TreeReader, path: string): { readonly place: TreeReader; readonly from: string }[] {
  let places = [{ place: root, from: '.' }];
  if (path === '.') return places;
  for (const name of path.split('/')) {
    places = places.flatMap(({ place, from }) =>
      Array.from({ length: place.count(name) }, (_, index) => ({
        place: isSegmentName(name) ? oneOf(place, name, index) : place.child(name, index),
        from: `${from === '.' ? '' : `${from}/`}${name}[${index + 1}]`,
      })),
    );
  }
  return places;
}

function isSegmentName(name: string): boolean {
  return /^[A-Z][A-Z0-9]{2}$/.test(name);
}

/** A group in which only one repetition of a segment stands. */
function oneOf(group: TreeReader, segment: string, index: number): TreeReader {
  return {
    text: (): TreeText => undefined,
    count: (step: Step) => (step === segment ? 1 : group.count(step)),
    child: (step: Step, at = 0) =>
      step === segment ? group.child(segment, index + at) : group.child(step, at),
    steps: () => group.steps(),
    filled: () => group.filled(),
    location: () => group.location(),
  };
}

function segmentsOf(group: TreeReader): [string, string][] {
  return group
    .steps()
    .flatMap((step) =>
      Array.from({ length: group.count(step) }, (_, index) => group.child(step, index)).flatMap(
        (place): [string, string][] =>
          isSegmentName(String(step)) ? [[String(step), place.location()]] : segmentsOf(place),
      ),
    );
}
