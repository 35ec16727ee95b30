import type { ByteString } from './charset.ts';
import type { SplicedBytes } from './spliced-bytes.ts';
import type { Cell } from './value.ts';

/** A changed field: a range of its segment's bytes, and what stands there instead. */
export interface Edit {
  readonly index: number;
  /** Offsets of the range: inside the field, or both behind the segment's last byte for a field that the bytes do not have. */
  from: number;
  to: number;
  /** Field separators to write before `text`: for a field that the bytes do not have. */
  lacking: number;
  text: ByteString;
  /** The whole field as it is now, once it was asked for. */
  cell: Cell | undefined;
  next: Edit | undefined;
}

/** The changed fields of a segment in the order of their indices, at most one for a field: few, mostly written from front to back. */
export class Overlay {
  private first: Edit | undefined = undefined;
  private final: Edit | undefined = undefined;

  /** The highest index changed. */
  get last(): number {
    return this.final === undefined ? 0 : this.final.index;
  }

  /** The change of a field; undefined when there is none. */
  get(index: number): Edit | undefined {
    if (index > this.last) return undefined;
    let edit = this.first;
    while (edit !== undefined && edit.index < index) edit = edit.next;
    return edit?.index === index ? edit : undefined;
  }

  /** Adds the first change of a field that the bytes have. */
  lay(index: number, from: number, to: number, text: ByteString): void {
    this.insert({ index, from, to, lacking: 0, text, cell: undefined, next: undefined });
  }

  /**
   * Adds the first change of a field that the bytes do not have.
   * @param end where the segment ends. @param present highest index that the bytes have.
   */
  extend(index: number, end: number, present: number, text: ByteString): void {
    const edit: Edit = { index, from: end, to: end, lacking: 0, text, cell: undefined, next: undefined };
    const before = this.insert(edit);
    edit.lacking = index - Math.max(present, before?.index ?? 0);
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
      out.splice(edit.from, edit.to, textOf(edit, separator));
  }

  /** The bytes from `start` to `end` with the changes in them. */
  applyTo(raw: ByteString, start: number, end: number, separator: string): ByteString {
    let out = '';
    let copied = start;
    for (let edit = this.first; edit !== undefined; edit = edit.next) {
      out += raw.slice(copied, edit.from) + textOf(edit, separator);
      copied = edit.to;
    }
    return out + raw.slice(copied, end);
  }
}

function textOf(edit: Edit, separator: string): ByteString {
  return edit.lacking === 0 ? edit.text : separator.repeat(edit.lacking) + edit.text;
}
