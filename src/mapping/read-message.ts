import type { Resource } from '../fhir/types.ts';
import type { CompiledMessage } from './compiled-message.ts';
import type { CompiledMap } from './compiled-map.ts';
import { readTree } from './run-map.ts';
import { startRun, type Loss, type RunContext } from './run.ts';
import { groupOf } from './segment-group.ts';
import type { TreeReader } from './tree.ts';

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
export function readMessage(message: CompiledMessage, root: TreeReader, context: RunContext): MessageReading {
  const { run, losses } = startRun(context);
  const resources: MessageResource[] = [];
  const read = new Set<string>();
  for (const { in: path, map, when } of message.readings) {
    for (const { place, from } of placesAt(root, path)) {
      if (!map.segments.some((segment) => place.count(segment) > 0)) continue;
      if (when && !when.holds(place, run)) continue;
      for (const segment of map.segments)
        for (const location of spokenOf(map, segment, place)) read.add(location);
      const { resource, loss } = readTree(map, place, context);
      resources.push({ from, resource, loss });
    }
  }
  for (const [name, location] of segmentsOf(root)) {
    if (read.has(location)) continue;
    const drop = message.drops[name];
    losses.push(
      drop ? { kind: 'dropped', path: location, why: drop.why } : { kind: 'unmapped', path: location },
    );
  }
  return { resources, loss: losses };
}

/** Where the segments stand that a map reads: the first of its name, or every one where the map says so. */
function spokenOf(map: CompiledMap, segment: string, place: TreeReader): string[] {
  const count = map.cover.parts.get(segment)?.repeats ? place.count(segment) : 1;
  return Array.from({ length: count }, (_, index) => place.child(segment, index).location());
}

/** The groups, or single segments, at a path: `.`, `NK1`, `PATIENT/NK1`. */
function placesAt(root: TreeReader, path: string): { readonly place: TreeReader; readonly from: string }[] {
  let places = [{ place: root, from: '.' }];
  if (path === '.') return places;
  for (const name of path.split('/')) {
    places = places.flatMap(({ place, from }) =>
      Array.from({ length: place.count(name) }, (_, index) => ({
        place: isSegmentName(name)
          ? groupOf(place.child(name, index), name, place)
          : place.child(name, index),
        from: `${from === '.' ? '' : `${from}/`}${name}[${index + 1}]`,
      })),
    );
  }
  return places;
}

function isSegmentName(name: string): boolean {
  return /^[A-Z][A-Z0-9]{2}$/.test(name);
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
