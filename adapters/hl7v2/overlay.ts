import type { ByteString } from './charset.ts';
import type { EncodingTarget } from './escape.ts';
import type { Fields } from './fields.ts';
import type { SplicedBytes } from './spliced-bytes.ts';
import type { Text } from './text.ts';
import { EMPTY_CELL, cellOf } from './value.ts';
import type { Cell } from './value.ts';

/** A changed field: a range of its segment's bytes, and what stands there instead. */
interface Edit {
  readonly index: number;
  /**
   * Offsets of the range: inside the field, or both behind the segment's last byte for a field that the bytes do not
   * have.
   */
  from: number;
  to: number;
  /** Field separators to write before `text`: for a field that the bytes do not have. */
  lacking: number;
  text: ByteString;
  /** The whole field as it is now, once it was asked for. */
  cell: Cell | undefined;
  next: Edit | undefined;
}

/**
 * The changed fields of a segment in the order of their indices, at most one for a field: few, mostly written from
 * front to back.
 */
export class Overlay {
  private first: Edit | undefined = undefined;
  private final: Edit | undefined = undefined;
  private readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }

  /** The highest index changed. */
  get last(): number {
    return this.final === undefined ? 0 : this.final.index;
  }

  /**
   * A field whole, as it is now.
   * @returns `EMPTY_CELL` when only the change of a later field makes it present; undefined when this lies over nothing
   *   of it.
   */
  cell(index: number, target: EncodingTarget): Cell | undefined {
    if (index > this.last) return undefined;
    const edit = this.find(index);
    if (edit === undefined) return this.fields.reach(index) ? undefined : EMPTY_CELL;
    edit.cell ??= cellOf(this.textOf(edit), target);
    return edit.cell;
  }

  /**
   * Puts bytes in place of a range of a field as it is now.
   * @param text what the range is of: the segment's own bytes, `cell`'s where there is one, `EMPTY_CELL`'s where the
   *   field is not there.
   */
  change(index: number, text: Text, from: number, to: number, bytes: ByteString): void {
    const { fields } = this;
    // As it came: nothing lies over it yet.
    if (text === fields.text) {
      this.lay(index, from, to, bytes);
      return;
    }
    const edit = this.find(index);
    if (edit === undefined) {
      this.extend(index, bytes);
      return;
    }
    const { raw } = text;
    edit.text = raw.slice(0, from) + bytes + raw.slice(to);
    edit.cell = undefined;
    if (!fields.reach(index)) return;
    edit.from = fields.from(index);
    edit.to = fields.to(index);
  }

  private find(index: number): Edit | undefined {
    if (index > this.last) return undefined;
    let edit = this.first;
    while (edit !== undefined && edit.index < index) edit = edit.next;
    return edit?.index === index ? edit : undefined;
  }

  /** All of a changed field. */
  private textOf(edit: Edit): ByteString {
    const { index, from, to, text } = edit;
    const { fields } = this;
    if (!fields.reach(index)) return text;
    const { source } = fields.text;
    const before = source.toString('latin1', fields.from(index), from);
    return before + text + source.toString('latin1', to, fields.to(index));
  }

  /** Adds the first change of a field that the bytes have. */
  private lay(index: number, from: number, to: number, text: ByteString): void {
    this.insert({ index, from, to, lacking: 0, text, cell: undefined, next: undefined });
  }

  /** Adds the first change of a field that the bytes do not have. */
  private extend(index: number, text: ByteString): void {
    const { end, last } = this.fields;
    const edit: Edit = { index, from: end, to: end, lacking: 0, text, cell: undefined, next: undefined };
    const before = this.insert(edit);
    edit.lacking = index - Math.max(last, before?.index ?? 0);
    if (edit.next !== undefined) edit.next.lacking = edit.next.index - index;
  }

  /** Puts an edit in its place; gives the one before it. */
  private insert(edit: Edit): Edit | undefined {
    let before = this.final;
    if (before !== undefined && before.index > edit.index) {
      before = undefined;
      for (let at = this.first; at !== undefined && at.index < edit.index; at = at.next) before = at;
    }
    if (before === undefined) {
      edit.next = this.first;
      this.first = edit;
    } else {
      edit.next = before.next;
      before.next = edit;
    }
    if (edit.next === undefined) this.final = edit;
    return before;
  }

  /** How many bytes longer the segment has become. */
  growth(): number {
    let growth = 0;
    for (let edit = this.first; edit !== undefined; edit = edit.next)
      growth += edit.lacking + edit.text.length - (edit.to - edit.from);
    return growth;
  }

  /** Writes the changes into a message's bytes. */
  writeTo(out: SplicedBytes, separator: string): void {
    for (let edit = this.first; edit !== undefined; edit = edit.next)
      out.splice(edit.from, edit.to, written(edit, separator));
  }

  /** The segment's bytes with the changes in them. */
  apply(separator: string): ByteString {
    const { start, end, text } = this.fields;
    const { raw } = text;
    let out = '';
    let copied = start;
    for (let edit = this.first; edit !== undefined; edit = edit.next) {
      out += raw.slice(copied, edit.from) + written(edit, separator);
      copied = edit.to;
    }
    return out + raw.slice(copied, end);
  }
}

function written(edit: Edit, separator: string): ByteString {
  return edit.lacking === 0 ? edit.text : separator.repeat(edit.lacking) + edit.text;
}
