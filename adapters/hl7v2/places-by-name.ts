import type { Segment } from './segment.ts';

/** Of each segment, which one of its name it is, from 1. */
export function placesByName(segments: readonly Segment[]): ReadonlyMap<Segment, number> {
  const counts = new Map<string, number>();
  const places = new Map<Segment, number>();
  for (const segment of segments) {
    const { name } = segment;
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    places.set(segment, nth);
  }
  return places;
}
