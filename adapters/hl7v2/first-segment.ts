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
    let at = start;
    let union = 0;
    let escapes = false;
    for (; at < to; at++) {
      const code = source[at]!;
      union |= code;
      if (code === separator) starts.push(at + 1);
      if (code >= 0x20) continue;
      if (code === CR || code === LF) break;
      if (code === ESC) escapes = true;
    }
    this.start = start;
    this.end = at;
    this.plain = union <= 0x7f && !escapes;
    starts.push(at + 1);
    this.fieldStarts = this.plain ? starts : [start];
    while (at < to && (source[at] === CR || source[at] === LF)) at++;
    this.stop = at;
  }
}
