import { Buffer } from 'node:buffer';
import type { ByteString } from './charset.ts';

/** Up to this many characters a loop here is faster than a call of the runtime. */
const SHORT = 16;

/**
 * A new buffer of the bytes of another with ranges of it replaced, from front to back; what is between them goes over
 * as bytes.
 */
export class SplicedBytes {
  private readonly source: Buffer;
  private readonly out: Buffer;
  private readonly growth: number;
  /** Bytes taken from the source, and written. */
  private taken = 0;
  private written = 0;

  /** @param growth how many bytes longer the result is: what is spliced in must add up to it. */
  constructor(source: Buffer, growth: number) {
    this.source = source;
    this.growth = growth;
    this.out = Buffer.allocUnsafe(source.length + growth);
    // Laid end to end: what comes behind the last range stands where it belongs already.
    if (growth < 0) this.out.set(source.subarray(-growth));
    else this.out.set(source, growth);
  }

  /** Writes `bytes` in place of the source's bytes from `from` to `to`. */
  splice(from: number, to: number, bytes: ByteString): void {
    this.copyTo(from);
    this.taken = to;
    const { out, written } = this;
    const { length } = bytes;
    if (length > SHORT) out.write(bytes, written, 'latin1');
    else for (let at = 0; at < length; at++) out[written + at] = bytes.charCodeAt(at);
    this.written = written + length;
  }

  /**
   * Gives the result.
   * @throws {RangeError} when it is not as long as was said.
   */
  finish(): Buffer {
    const { source, out, taken, written } = this;
    if (out.length - written !== source.length - taken) throw new RangeError('the splices do not add up');
    return out;
  }

  /** Takes over what is not replaced, up to `end`. */
  private copyTo(end: number): void {
    const { source, out, growth, taken, written } = this;
    // The result has these bytes already, so much behind where they belong; unless they were written over.
    const behind = taken + growth - written;
    if (behind > 0) out.copyWithin(written, taken + growth, end + growth);
    else if (behind < 0) source.copy(out, written, taken, end);
    this.written = written + end - taken;
    this.taken = end;
  }
}
