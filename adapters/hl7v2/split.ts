import type { FirstSegment } from './first-segment.ts';
import { keyOfName, keyOfSegment, nameOfKey } from './segment-name.ts';
import { startsWithName } from './span.ts';
import type { Text } from './text.ts';

const CR = 0x0d;
const LF = 0x0a;

/**
 * The segments of a byte string, found as far as they are asked for. CR ends a segment always (HL7 v2.5.1 §2.5.2). A
 * line feed belongs to the segment end it follows, and ends a segment itself only where senders use it so: when it is
 * the first segment end of all, or when a segment name and a field separator, a segment end or nothing comes next. Any
 * other line feed is text of its field. Blank lines belong to the segment end before them.
 */
export class SegmentIndex {
  /** Offsets: segment i starts at `[2i]`, ends at `[2i + 1]` and its segment end at `[2i + 2]`. As far as found. */
  readonly offsets: number[];
  private readonly text: Text;
  private readonly source: Buffer;
  private readonly to: number;
  private readonly separator: number;
  private readonly lineFeeds: boolean;
  private readonly byLineFeed: boolean;

  /**
   * @param text looked at as it came: neither segment ends nor what stands next to them are ever hidden by
   *   `Charset.mask`.
   * @param first the first of them. @param to behind the last. @param separator code of the field separator.
   */
  constructor(text: Text, first: FirstSegment, to: number, separator: number) {
    const { source } = text;
    this.text = text;
    this.source = source;
    this.to = to;
    this.separator = separator;
    this.lineFeeds = text.find('\n', first.start) !== -1;
    this.byLineFeed = first.end < to && source[first.end] === LF;
    this.offsets = first.start < to ? [first.start, first.end, first.stop] : [to];
  }

  /** Whether there is a segment `index`, from 0. */
  reach(index: number): boolean {
    const { offsets } = this;
    while (offsets.length < 2 * index + 3) {
      const start = offsets[offsets.length - 1]!;
      if (start >= this.to) return false;
      const end = this.lineFeeds ? this.findEnd(start) : this.findCr(start);
      let next = end;
      while (next < this.to && isEnd(this.source[next]!)) next++;
      offsets.push(end, next);
    }
    return true;
  }

  /** How many segments there are. */
  count(): number {
    this.reach(Infinity);
    return (this.offsets.length - 1) / 2;
  }

  /** The nth segment of a name, from 1: its index, from 0; -1 when there is none. */
  find(name: string, nth: number): number {
    const key = keyOfName(name);
    let left = nth;
    for (let index = 0; this.reach(index); index++) {
      const found = key === -1 ? this.isNamed(index, name) : this.keyAt(index) === key;
      if (found && --left === 0) return index;
    }
    return -1;
  }

  /** The name of segment `index`, which must have been reached: what stands before its first field separator. */
  nameAt(index: number): string {
    const name = nameOfKey(this.keyAt(index));
    if (name !== undefined) return name;
    const { source, separator, offsets } = this;
    const start = offsets[2 * index]!;
    const end = offsets[2 * index + 1]!;
    const found = source.indexOf(separator, start);
    return this.text.raw.slice(start, found === -1 || found > end ? end : found);
  }

  private keyAt(index: number): number {
    const { offsets } = this;
    return keyOfSegment(this.source, offsets[2 * index]!, offsets[2 * index + 1]!, this.separator);
  }

  private isNamed(index: number, name: string): boolean {
    const { offsets } = this;
    return startsWithName(this.source, offsets[2 * index]!, offsets[2 * index + 1]!, name, this.separator);
  }

  private findCr(from: number): number {
    const found = this.text.find('\r', from);
    return found === -1 || found > this.to ? this.to : found;
  }

  private findEnd(from: number): number {
    const { source, to, byLineFeed } = this;
    for (let at = from; at < to; at++) {
      const code = source[at]!;
      if (code === CR || (code === LF && (byLineFeed || this.startsSegment(at + 1)))) return at;
    }
    return to;
  }

  /** A capital letter, two capitals or digits, and a field separator; or a segment end, or nothing. */
  private startsSegment(at: number): boolean {
    const { source, to } = this;
    if (at >= to || isEnd(source[at]!)) return true;
    if (at + 3 >= to || !isCapital(source[at]!)) return false;
    for (const code of [source[at + 1]!, source[at + 2]!]) {
      if (!isCapital(code) && !(code >= 0x30 && code <= 0x39)) return false;
    }
    return source[at + 3] === this.separator;
  }
}

function isEnd(code: number): boolean {
  return code === CR || code === LF;
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}
