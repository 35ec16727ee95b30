import { groupOf } from './segment-group.ts';
import type { TreeReader } from './tree.ts';

/** A group of a message, or a single segment as one. */
export interface Place {
  readonly place: TreeReader;
  /** `.`, `NK1[2]`, `PATIENT[1]/NK1[1]`. */
  readonly from: string;
}

/** Makes the function that finds the groups, or single segments, at a path: `.`, `NK1`, `PATIENT/NK1`. */
export function createPlaces(root: TreeReader): (path: string) => readonly Place[] {
  const known = new Map<string, readonly Place[]>([['.', [{ place: root, from: '.' }]]]);
  const placesOf = (path: string): readonly Place[] => {
    let places = known.get(path);
    if (!places) {
      const slash = path.lastIndexOf('/');
      const above = placesOf(slash < 0 ? '.' : path.slice(0, slash));
      known.set(path, (places = placesBelow(above, path.slice(slash + 1))));
    }
    return places;
  };
  return placesOf;
}

function placesBelow(above: readonly Place[], name: string): Place[] {
  const places: Place[] = [];
  const isSegment = isSegmentName(name);
  for (const { place, from } of above) {
    const before = from === '.' ? '' : `${from}/`;
    const count = place.count(name);
    for (let index = 0; index < count; index += 1) {
      const child = place.child(name, index);
      places.push({
        place: isSegment ? groupOf(child, name, place) : child,
        from: `${before}${name}[${index + 1}]`,
      });
    }
  }
  return places;
}

/** Every segment of the message with its name, in groups' order. */
export function segmentsOf(
  group: TreeReader,
  found: [string, TreeReader][] = [],
): readonly [string, TreeReader][] {
  for (const step of group.steps()) {
    const name = String(step);
    const isSegment = isSegmentName(name);
    const count = group.count(step);
    for (let index = 0; index < count; index += 1) {
      const place = group.child(step, index);
      if (isSegment) found.push([name, place]);
      else segmentsOf(place, found);
    }
  }
  return found;
}

/** A capital letter, then two capitals or digits; groups have longer names. */
function isSegmentName(name: string): boolean {
  return name.length === 3 && /^[A-Z][A-Z0-9]{2}$/.test(name);
}
