import type { ByteString } from './charset.ts';

/** Changed fields of a segment, by index and in order: few, mostly written from front to back. */
export class Overlay {
  readonly indices: number[] = [];
  readonly texts: ByteString[] = [];

  /** Bytes of a changed field; undefined when it was not changed. */
  get(index: number): ByteString | undefined {
    const at = this.position(index);
    return this.indices[at] === index ? this.texts[at] : undefined;
  }

  set(index: number, text: ByteString): void {
    const at = this.position(index);
    if (this.indices[at] === index) {
      this.texts[at] = text;
    } else if (at === this.indices.length) {
      this.indices.push(index);
      this.texts.push(text);
    } else {
      this.indices.splice(at, 0, index);
      this.texts.splice(at, 0, text);
    }
  }

  /** The highest index changed. */
  get last(): number {
    return this.indices[this.indices.length - 1] ?? 0;
  }

  /** Where an index is in the list, or would be. */
  private position(index: number): number {
    let low = 0;
    let high = this.indices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.indices[middle]! < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
