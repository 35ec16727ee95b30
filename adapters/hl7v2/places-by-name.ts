import type { Segment } from './segment.ts';

/** Of so many segments a place is counted when it is asked for. */
export const FEW = 24;

/** Which one of its name a segment is, from 1; 0 when it is not there. */
export function placeByName(segments: readonly Segment[], segment: Segment): number {
  const { name } = segment;
  let nth = 0;
  for (const one of segments) {
    if (one.name === name) nth += 1;
    if (one === segment) return nth;
  }
  return 0;
}

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
