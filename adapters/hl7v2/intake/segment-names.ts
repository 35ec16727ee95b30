import type { MessageBytes } from '../message-bytes.ts';

/** The names of a message's segments in their order, as numbers: several questions are answered by one look at it. */
export type SegmentNames = readonly number[];

/** What is not three characters long is none that anybody asks for. */
const ODD = 0;

function numberOf(first: number, second: number, third: number): number {
  return (first << 16) | (second << 8) | third;
}

/** Names are what `Message.segment` finds them by. */
export function segmentNames({ source, index, delimiters }: MessageBytes): SegmentNames {
  const names: number[] = [];
  for (let place = 0; index.reach(place); place++) {
    const start = index.offsets[2 * place]!;
    const end = index.offsets[2 * place + 1]!;
    const behind = start + 3;
    const whole = behind === end || (behind < end && source[behind] === delimiters.codes.field);
    names[place] = whole ? numberOf(source[start]!, source[start + 1]!, source[start + 2]!) : ODD;
  }
  return names;
}

/** How many segments have a name, of three characters. */
export function countNamed(names: SegmentNames, name: string): number {
  const wanted = numberOf(name.charCodeAt(0), name.charCodeAt(1), name.charCodeAt(2));
  let count = 0;
  for (const one of names) if (one === wanted) count++;
  return count;
}
