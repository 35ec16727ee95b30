import type { Condition } from './condition.ts';
import type { Codec } from './codec.ts';
import type { Step, TreeReader, TreeWriter } from './tree.ts';

/**
 * A group in which one certain repetition of a segment is the only one of its name; all else is looked up in `around`.
 * So a map of NK1 reads each NK1 in turn, and may still ask for PID-3.
 */
export function groupOf(segment: TreeReader, name: string, around: TreeReader | undefined): TreeReader {
  return {
    text: () => undefined,
    count: (step) => (step === name ? 1 : (around?.count(step) ?? 0)),
    own: (step) => (step === name ? 1 : 0),
    child: (step, index = 0) => (step === name ? segment : (around ?? segment).child(step, index)),
    steps: () => [name],
    filled: () => segment.filled(),
    location: () => around?.location() ?? '',
  };
}

/** As groupOf, writable. */
export function writableGroupOf(
  segment: TreeWriter,
  name: string,
  around: TreeWriter | undefined,
): TreeWriter {
  return {
    ...groupOf(segment, name, around),
    child: (step: Step, index = 0) => (step === name ? segment : (around ?? segment).child(step, index)),
    set: () => {
      throw new TypeError('a group of segments has no text');
    },
    clear: () => {},
    arrange: (step, sources) => around?.arrange(step, sources),
    order: () => {},
  };
}

/** The codec of a segment's map for a row whose place is that segment: `{ v2: NK1, each: NK1 <-> Patient.contact }`. */
export function segmentCodec(codec: Codec, name: string): Codec {
  return {
    read: (place, run) => codec.read(groupOf(place, name, undefined), run),
    write: (value, place, run) => codec.write(value, writableGroupOf(place, name, undefined), run),
  };
}

/** The condition of a segment's map, asked at the segment. */
export function segmentCondition(condition: Condition, name: string): Condition {
  return {
    needs: condition.needs,
    holds: (place, run) => condition.holds(groupOf(place, name, undefined), run),
  };
}
