/**
 * Where the parts of a range start, found as far as they are asked for: who asks for each of ten thousand repetitions in
 * turn looks at each byte once.
 */
export class PartStarts {
  private readonly scan: Uint8Array;
  private readonly to: number;
  private readonly separator: number;
  private readonly above: readonly number[];
  private readonly starts: number[];
  /** What was looked at so far. */
  private at: number;

  /** @param above codes of the separators that end the range, besides `to`. */
  constructor(
    scan: Uint8Array,
    from: number,
    to: number,
    separator: number,
    above: readonly [number, number],
  ) {
    this.scan = scan;
    this.to = to;
    this.separator = separator;
    this.above = above;
    this.starts = [from];
    this.at = from;
  }

  /** Offset of a part, from 1; -1 when there is none. */
  start(nth: number): number {
    const { scan, to, separator, starts } = this;
    const [one, other] = this.above;
    while (starts.length < nth && this.at < to) {
      const code = scan[this.at];
      if (code === one || code === other) break;
      this.at++;
      if (code === separator) starts.push(this.at);
    }
    return starts[nth - 1] ?? -1;
  }
}
