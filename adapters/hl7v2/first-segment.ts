const CR = 0x0d;
const LF = 0x0a;
/** Starts the character set switches of ISO 2022. */
const ESC = 0x1b;

/**
 * Where the first segment of a message ends, and whether its bytes are characters in every set, by one look at each of its bytes. Whichever of CR and
 * LF comes first ends it; the rest of the message is not looked at.
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

  /** @param to behind the last byte that can belong to a segment. */
  constructor(source: Uint8Array, start: number, to: number) {
    let at = start;
    let union = 0;
    let escapes = false;
    for (; at < to; at++) {
      const code = source[at]!;
      union |= code;
      if (code >= 0x20) continue;
      if (code === CR || code === LF) break;
      if (code === ESC) escapes = true;
    }
    this.start = start;
    this.end = at;
    this.plain = union <= 0x7f && !escapes;
    while (at < to && (source[at] === CR || source[at] === LF)) at++;
    this.stop = at;
  }
}
