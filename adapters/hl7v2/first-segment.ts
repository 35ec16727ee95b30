const CR = 0x0d;
const LF = 0x0a;
/** Starts the character set switches of ISO 2022. */
const ESC = 0x1b;

/**
 * Where the first segment of a message and its fields end, and whether its bytes are characters in every set, by one
 * look at each of its bytes. Whichever of CR and LF comes first ends it; the rest of the message is not looked at.
 */
export class FirstSegment {
  /** Offset of its name. */
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
  /** Behind its segment end. */
  readonly stop: number;
  /** ASCII without ISO 2022 escapes. */
  readonly plain: boolean;
  /**
   * Where its fields start, for `Fields`: all of them when `plain`; else the name alone, for a separator may be part of
   * a character.
   */
  readonly fieldStarts: number[];

  /** @param to behind the last byte that can belong to a segment. @param separator code of the field separator. */
  constructor(source: Uint8Array, start: number, to: number, separator: number) {
    const starts = [start];
    let plain = true;
    let at = ordinaryTo(source, start, to, separator);
    for (; at < to; at = ordinaryTo(source, at + 1, to, separator)) {
      const code = source[at]!;
      if (code === separator) starts.push(at + 1);
      else if (code === CR || code === LF) break;
      else if (code === ESC || code > 0x7f) plain = false;
    }
    this.start = start;
    this.end = at;
    this.plain = plain;
    starts.push(at + 1);
    this.fieldStarts = plain ? starts : [start];
    while (at < to && (source[at] === CR || source[at] === LF)) at++;
    this.stop = at;
  }
}

/**
 * Where what needs no second look ends: at a separator, a control character, a byte beyond ASCII, or at `to`. A loop of
 * its own because it does nothing but look: one that also keeps what it finds costs three times as much a byte.
 */
function ordinaryTo(source: Uint8Array, from: number, to: number, separator: number): number {
  let at = from;
  while (at < to) {
    const code = source[at]!;
    if (code === separator || code < 0x20 || code > 0x7f) break;
    at++;
  }
  return at;
}
