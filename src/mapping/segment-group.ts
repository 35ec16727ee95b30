import type { Condition } from './condition.ts';
import type { Codec } from './codec.ts';
import { ownCount, type Step, type TreeReader, type TreeText, type TreeWriter } from './tree.ts';

/**
 * A group in which one certain repetition of a segment is the only one of its name; all else is looked up in `around`.
 * So a map of NK1 reads each NK1 in turn, and may still ask for PID-3.
 */
export function groupOf(segment: TreeReader, name: string, around: TreeReader | undefined): TreeReader {
  return new SingleSegment(segment, name, around);
}

/** A class: one is made for each segment that is read by itself. */
class SingleSegment implements TreeReader {
  private readonly segment: TreeReader;
  private readonly name: string;
  private readonly around: TreeReader | undefined;

  constructor(segment: TreeReader, name: string, around: TreeReader | undefined) {
    this.segment = segment;
    this.name = name;
    this.around = around;
  }

  text(): TreeText {
    return undefined;
  }

  count(step: Step): number {
    return step === this.name ? 1 : (this.around?.count(step) ?? 0);
  }

  own(step: Step): number {
    return step === this.name ? 1 : 0;
  }

  child(step: Step, index = 0): TreeReader {
    return step === this.name ? this.segment : (this.around ?? this.segment).child(step, index);
  }

  steps(): readonly Step[] {
    return [this.name];
  }

  filled(): boolean {
    return this.segment.filled();
  }

  location(): string {
    return this.around?.location() ?? '';
  }
}

/** As groupOf, writable. */
export function writableGroupOf(
  segment: TreeWriter,
  name: string,
  around: TreeWriter | undefined,
): TreeWriter {
  const read = groupOf(segment, name, around);
  return {
    text: () => undefined,
    count: (step) => read.count(step),
    own: (step) => ownCount(read, step),
    steps: () => read.steps(),
    filled: () => read.filled(),
    location: () => read.location(),
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
