const START = 0x0b;
const END = Buffer.from([0x1c, 0x0d]);

/** Larger frames are refused by closing the connection. */
export const MAX_FRAME = 16 * 1024 * 1024;

/** A frame grew past MAX_FRAME. */
export class FrameTooLong extends Error {}

/**
 * MLLP (HL7 transport specification, release 1): gives back the payloads that a chunk completes. Bytes outside frames
 * are dropped. Throws FrameTooLong.
 */
export function createFrameReader(): (chunk: Buffer) => Buffer[] {
  let pending: Buffer = Buffer.alloc(0);
  let scanned = 0;
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const payloads: Buffer[] = [];
    for (;;) {
      const start = pending.indexOf(START);
      if (start < 0) {
        pending = Buffer.alloc(0);
        scanned = 0;
        return payloads;
      }
      const end = pending.indexOf(END, Math.max(start + 1, scanned));
      if (end < 0) {
        scanned = Math.max(start + 1, pending.length - 1);
        if (pending.length - start > MAX_FRAME) throw new FrameTooLong('A frame is too long');
        return payloads;
      }
      payloads.push(pending.subarray(start + 1, end));
      pending = pending.subarray(end + 2);
      scanned = 0;
    }
  };
}

export function frame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([START]), payload, END]);
}
