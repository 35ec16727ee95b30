import { keyOfSegment, nameOfKey } from './segment-name.ts';
import { startsWithName } from './span.ts';
import type { Text } from './text.ts';

/**
 * The fields of a segment as its bytes have them, found as far as they are asked for. Counted by index: 0 is the name,
 * and in headers, where field 1 is the separator itself, field f is at index f - 1.
 */
export class Fields {
  readonly text: Text;
  /** Offset of the name. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  private readonly separator: number;
  /** Offsets found so far; the last may be one behind the end. Index i is `[i] .. [i + 1] - 1`. */
  private readonly starts: number[];

  /**
   * @param separator code of the field separator.
   * @param starts offsets found already, the name's at least: from here on these fields' own.
   */
  constructor(text: Text, start: number, end: number, separator: number, starts: number[] = [start]) {
    this.text = text;
    this.start = start;
    this.end = end;
    this.separator = separator;
    this.starts = starts;
  }

  /** Whether there is a field at an index. */
  reach(index: number): boolean {
    const { starts, end, separator } = this;
    if (starts.length > index + 1) return true;
    const { scan } = this.text;
    let at = starts[starts.length - 1]!;
    while (at <= end) {
      while (at < end && scan[at] !== separator) at++;
      starts.push(++at);
      if (starts.length > index + 1) return true;
    }
    return false;
  }

  /** Where a field that was reached starts. */
  from(index: number): number {
    return this.starts[index]!;
  }

  /** Where a field that was reached ends. */
  to(index: number): number {
    return this.starts[index + 1]! - 1;
  }

  /** The highest index. */
  get last(): number {
    this.reach(Infinity);
    return this.starts.length - 2;
  }

  /** What stands before the first separator. */
  get name(): string {
    const { text, start, end, separator } = this;
    const name = nameOfKey(keyOfSegment(text.scan, start, end, separator));
    if (name !== undefined) return name;
    return this.reach(0) ? text.raw.slice(start, this.to(0)) : '';
  }

  /** Whether the name is `name`, without making a string of it. */
  isNamed(name: string): boolean {
    return startsWithName(this.text.scan, this.start, this.end, name, this.separator);
  }
}
