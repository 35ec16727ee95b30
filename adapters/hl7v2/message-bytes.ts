import { charsetNames, chooseCharset } from './charset.ts';
import type { ByteString, Charset, CharsetChoice } from './charset.ts';
import type { Delimiters } from './delimiters.ts';
import { FirstSegment } from './first-segment.ts';
import { SegmentIndex } from './split.ts';
import { Text, isPlainSource, maskedText } from './text.ts';

/**
 * The bytes that a message was read from. MSH is looked at alone: who only changes a value of it pays for nothing else.
 * What the other segments are looked for in, and where they are, is found when the first of them is asked for.
 */
export class MessageBytes {
  readonly source: Buffer;
  readonly delimiters: Delimiters;
  /** MSH. */
  readonly first: FirstSegment;
  /** Offset behind the last segment; what stands around the segments (a frame in a file) is kept. */
  readonly end: number;
  readonly choice: CharsetChoice;
  /** What MSH is read from. */
  readonly firstText: Text;
  private knownText: Text | undefined = undefined;
  private knownIndex: SegmentIndex | undefined = undefined;

  /** @param start offset of MSH. @param end behind the last segment. */
  constructor(source: Buffer, start: number, end: number, delimiters: Delimiters, choice: CharsetChoice) {
    this.source = source;
    this.delimiters = delimiters;
    this.first = new FirstSegment(source, start, end, delimiters.codes.field);
    this.end = end;
    this.choice = choice;
    this.firstText = this.first.plain ? new Text(source, source, true) : this.masked();
  }

  /** What all segments but MSH are read from. */
  get text(): Text {
    if (this.knownText !== undefined) return this.knownText;
    this.knownText = this.wholeText();
    return this.knownText;
  }

  /** Where the segments are. */
  get index(): SegmentIndex {
    if (this.knownIndex !== undefined) return this.knownIndex;
    this.knownIndex = new SegmentIndex(this.firstText, this.first, this.end, this.delimiters.codes.field);
    return this.knownIndex;
  }

  /** All of it as a byte string. */
  get raw(): ByteString {
    return this.firstText.raw;
  }

  private wholeText(): Text {
    const { firstText } = this;
    return !firstText.plain || isPlainSource(this.source) ? firstText : this.masked();
  }

  private masked(): Text {
    return maskedText(this.source, () => this.charset());
  }

  /** The character set that the bytes came in, whatever MSH-18 has become since. */
  private charset(): Charset {
    const { start, end } = this.first;
    const header = this.source.toString('latin1', start, end);
    return chooseCharset(this.choice, charsetNames(header, this.delimiters));
  }
}
