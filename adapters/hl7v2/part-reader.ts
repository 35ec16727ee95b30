import type { Step, TreeReader, TreeText } from '../../src/mapping/tree.ts';
import type { DelimiterCodes } from './delimiters.ts';
import { partsWithText } from './parts-with-text.ts';
import type { Segment } from './segment.ts';

/** A text whose characters are numbers in `scan`: looking for delimiters there costs a fraction. */
export interface Written {
  readonly raw: string;
  readonly scan: Uint8Array | Uint16Array;
}

/** A text that is not made of the message's own bytes, character by character. */
export function writtenOf(raw: string): Written {
  const scan = new Uint16Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) scan[at] = raw.charCodeAt(at);
  return { raw, scan };
}

const FIRST_BEYOND_ASCII = 0x80;
/** Starts the character set switches of ISO 2022. */
const ESC = 0x1b;

/** Whether a range of bytes is its characters, whatever the rest of them is. */
export function isPlainRange(source: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = source[at]!;
    if (byte >= FIRST_BEYOND_ASCII || byte === ESC) return false;
  }
  return true;
}

/** What a place that is not there is a range of. */
export const NOT_THERE: Written = writtenOf('');

/** Longest text of a place that is worth comparing with others. */
export const MOST_WORDS = 1_000;

/** The segment that a part belongs to, as far as the part has to know it; without codes none is there. */
export interface FieldOwner {
  readonly segment: Segment | undefined;
  readonly codes: DelimiterCodes | undefined;
  isDelimiters(field: number): boolean;
  location(): string;
}

/** What `filledParts` says of one value. */
const ONLY_FIRST = 1 << 1;

/** Of `""`: told to be deleted. */
const QUOTE = 0x22;

/** A repetition of a field, a component of it (`component` above 0), or a subcomponent (`subcomponent` above 0). */
export class PartReader implements TreeReader {
  private readonly above: FieldOwner;
  /** What it is a range of: decoded, escape sequences and separators as they are written. */
  private readonly written: Written;
  /** -1: it is not there. */
  private readonly from: number;
  private readonly to: number;
  private readonly field: number;
  private readonly repetition: number;
  private readonly component: number;
  private readonly subcomponent: number;
  /** Taken apart when first asked for; null: it is one value. */
  private parts: readonly PartReader[] | null | undefined = undefined;

  constructor(
    above: FieldOwner,
    written: Written,
    from: number,
    to: number,
    field: number,
    repetition: number,
    component: number,
    subcomponent: number,
  ) {
    this.above = above;
    this.written = written;
    this.from = from;
    this.to = to;
    this.field = field;
    this.repetition = repetition;
    this.component = component;
    this.subcomponent = subcomponent;
  }

  text(): TreeText {
    const { from, to, above, component, subcomponent } = this;
    if (from === -1) return undefined;
    if (from === to) return '';
    const { raw, scan } = this.written;
    if (above.isDelimiters(this.field)) return raw.slice(from, to);
    const codes = above.codes!;
    const ofComponents = component === 0 ? codes.component : -1;
    const ofSubcomponents = subcomponent === 0 ? codes.subcomponent : -1;
    let escaped = false;
    let end = from;
    for (; end < to; end += 1) {
      const code = scan[end];
      if (code === ofComponents || code === ofSubcomponents) break;
      if (code === codes.escape) escaped = true;
    }
    if (end === from + 2 && scan[from] === QUOTE && scan[from + 1] === QUOTE) return null;
    if (!escaped) return raw.slice(from, end);
    return above.segment!.value(this.field, this.repetition, component || 1, subcomponent || 1);
  }

  child(step: Step, index = 0): TreeReader {
    if (typeof step !== 'number' || index > 0)
      throw new TypeError('parts of a field are numbers and do not repeat');
    const part = this.takenApart()?.[step - 1];
    if (part) return part;
    // A place without parts is its own first part.
    if (step !== 1 || this.parts) return this.below(step, -1, -1);
    return this.subcomponent > 0 ? this : this.below(step, this.from, this.to);
  }

  private below(step: number, from: number, to: number): PartReader {
    const { above, written, field, repetition, component } = this;
    if (component === 0) return new PartReader(above, written, from, to, field, repetition, step, 0);
    return new PartReader(above, written, from, to, field, repetition, component, step);
  }

  private takenApart(): readonly PartReader[] | null {
    if (this.parts === undefined) this.parts = this.takeApart();
    return this.parts;
  }

  private takeApart(): readonly PartReader[] | null {
    const { from, to, above, component } = this;
    if (from === to || this.subcomponent > 0 || above.isDelimiters(this.field)) return null;
    const codes = above.codes!;
    if (component > 0) return this.split(codes.subcomponent);
    const components = this.split(codes.component);
    if (components) return components;
    return this.contains(codes.subcomponent) ? [this.below(1, from, to)] : null;
  }

  private contains(code: number): boolean {
    const { scan } = this.written;
    for (let at = this.from; at < this.to; at += 1) if (scan[at] === code) return true;
    return false;
  }

  /** null: there is no such separator. */
  private split(separator: number): PartReader[] | null {
    const { from, to } = this;
    const { scan } = this.written;
    let parts: PartReader[] | null = null;
    let start = from;
    for (let at = from; at < to; at += 1) {
      if (scan[at] !== separator) continue;
      parts ??= [];
      parts.push(this.below(parts.length + 1, start, at));
      start = at + 1;
    }
    parts?.push(this.below(parts.length + 1, start, to));
    return parts;
  }

  count(step: Step): number {
    if (typeof step !== 'number' || this.from === -1) return 0;
    return step <= (this.takenApart()?.length ?? 1) ? 1 : 0;
  }

  filledParts(): number {
    const { from, to, above } = this;
    if (from === to) return 0;
    const parts = this.takenApart();
    if (!parts)
      return above.isDelimiters(this.field)
        ? partsWithText(this.written.raw, above.codes!, this.component > 0)
        : ONLY_FIRST;
    let filled = 0;
    for (let at = 0; at < parts.length; at += 1) if (parts[at]!.filled()) filled |= 1 << Math.min(at + 1, 31);
    return filled;
  }

  steps(): readonly Step[] {
    const parts = this.takenApart();
    if (!parts) return [];
    if (parts.length === 1) return parts[0]!.count(2) > 0 ? [1] : [];
    return parts.flatMap((part, index) => (part.filled() ? [index + 1] : []));
  }

  words(): string | undefined {
    const { from, to, above, field, component, subcomponent } = this;
    if (from === -1 || to - from > MOST_WORDS || subcomponent > 0) return undefined;
    if (field <= 2 && above.isDelimiters(field)) return undefined;
    const written = this.written.raw.slice(from, to);
    // A component has other parts than a field with the same text. No field holds the end of a segment.
    return component > 0 ? `\r${written}` : written;
  }

  filled(): boolean {
    const { from, to, above, component } = this;
    if (from === to) return false;
    if (above.isDelimiters(this.field)) return true;
    const { scan } = this.written;
    const codes = above.codes!;
    const ofComponents = component > 0 ? codes.subcomponent : codes.component;
    for (let at = from; at < to; at += 1)
      if (scan[at] !== ofComponents && scan[at] !== codes.subcomponent) return true;
    return false;
  }

  location(): string {
    const repetition = this.repetition === 1 ? '' : `[${this.repetition}]`;
    const component = this.component === 0 ? '' : `.${this.component}`;
    const subcomponent = this.subcomponent === 0 ? '' : `.${this.subcomponent}`;
    return `${this.above.location()}-${this.field}${repetition}${component}${subcomponent}`;
  }
}
