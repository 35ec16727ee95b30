import { Buffer, isAscii } from 'node:buffer';

import { maskIn } from './charset.ts';
import type { ByteString, Charset } from './charset.ts';
import type { DelimiterCodes } from './delimiters.ts';
import { PartStarts } from './part-starts.ts';

/** Starts the character set switches of ISO 2022. */
const ESC = 0x1b;

/** Bytes that segments and fields are ranges of, and what they are looked at through. */
export class Text {
  /** The bytes as they came. */
  readonly source: Buffer;
  /** The same to look for delimiters in: masked (`Charset.mask`) where the character set asks for it. */
  readonly scan: Buffer;
  /** ASCII without ISO 2022 escapes: bytes are characters. */
  readonly plain: boolean;
  private known: ByteString | undefined = undefined;
  /** By level and offset; only of ranges of which a part far behind the first was asked for. */
  private parts: Map<number, PartStarts> | undefined = undefined;

  constructor(source: Buffer, scan: Buffer, plain: boolean) {
    this.source = source;
    this.scan = scan;
    this.plain = plain;
  }

  /** The bytes as a byte string, made when first asked for: what is only written does not need it. */
  get raw(): ByteString {
    this.known ??= this.source.toString('latin1');
    return this.known;
  }

  /** Where a character of ASCII comes next; -1: nowhere. A string that is there already is looked through for less. */
  find(character: string, from: number): number {
    const { known } = this;
    return known === undefined
      ? this.source.indexOf(character.charCodeAt(0), from)
      : known.indexOf(character, from);
  }

  /**
   * Offset of a part of the range from `from` to the next separator of a higher level, or to `to`; -1 when there is none.
   * @param level 0 for repetitions of a field, 1 for components, 2 for subcomponents. @param nth from 1.
   */
  partStart(from: number, to: number, level: 0 | 1 | 2, nth: number, codes: DelimiterCodes): number {
    if (nth === 1) return from;
    this.parts ??= new Map();
    const key = 3 * from + level;
    let starts = this.parts.get(key);
    if (!starts) {
      const { repetition, component, subcomponent } = codes;
      const separator = [repetition, component, subcomponent][level]!;
      const above = [level > 0 ? repetition : -1, level > 1 ? component : -1] as const;
      starts = new PartStarts(this.scan, from, to, separator, above);
      this.parts.set(key, starts);
    }
    return starts.start(nth);
  }
}

/**
 * @param charset the character set in force; asked for when the bytes are not plain. Where it is not known they are
 * taken as they seem.
 */
export function textOf(source: Buffer, charset: () => Charset): Text {
  return isPlainSource(source) ? new Text(source, source, true) : maskedText(source, charset);
}

/** Whether all bytes are their characters in every set: ASCII without ISO 2022 escapes. */
export function isPlainSource(source: Buffer): boolean {
  return isAscii(source) && source.indexOf(ESC) === -1;
}

/** Bytes that are not plain. Parameters as `textOf`. */
export function maskedText(source: Buffer, charset: () => Charset): Text {
  const mask = maskIn(charset);
  const scan = mask ? Buffer.from(mask(source.toString('latin1')), 'latin1') : source;
  return new Text(source, scan, false);
}
