import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitFrame } from '../../../../../adapters/hl7v2/intake/frame.ts';
import { headerIn, readHeader } from '../../../../../adapters/hl7v2/intake/header.ts';
import { countNamed, segmentNames } from '../../../../../adapters/hl7v2/intake/segment-names.ts';
import { Message } from '../../../../../adapters/hl7v2/message.ts';
import { parseBytes, parseMessage } from '../../../../../adapters/hl7v2/parse.ts';

// What examination takes from the bytes of a message is what the message itself would say.

const choice = { defaultCharset: 'UNICODE UTF-8' };
const pieces = fc.oneof(
  fc.constantFrom('MSH|^~\\&|', 'MSH|', 'MSH#', 'MSH', 'MSHX', 'FHS|^~\\&|', 'BHS', 'BTS|1'),
  fc.constantFrom('PID|', 'PID', 'PIDX|', 'PI|', 'DSC', '|||||||', 'ADT^A01^ADT_A01', 'ADT^A01', 'a', '  x '),
  fc.constantFrom('|', '#', '^', '~', '\\', '&', '\r', '\r', '\n', ' ', '\x0b', '\x1c', '\x1b$B'),
  fc.constantFrom('é', '日本|語', 'UNICODE UTF-8', '8859/1', 'ISO IR87', 'SHIFT_JIS'),
);
const texts = fc.array(pieces, { maxLength: 40 }).map((some) => some.join(''));
const frames = fc
  .tuple(fc.boolean(), texts)
  .map(([begun, text]) => Buffer.from((begun ? 'MSH|^~\\&|' : '') + text));

function parsed(bytes: Buffer): ReturnType<typeof parseBytes> | undefined {
  try {
    return parseBytes(bytes, choice);
  } catch {
    return undefined;
  }
}

describe('of the messages of any frame', () => {
  it('none holds a second header', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        for (const bytes of splitFrame(frame).messages)
          if (parsed(bytes)) expect(() => parseMessage(bytes, choice)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });

  it('MSH says the same before a message is made', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        for (const bytes of splitFrame(frame).messages) {
          const known = parsed(bytes);
          if (known) expect(headerIn(known)).toEqual(readHeader(new Message(known), choice));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('segments have the names that they are found by', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        for (const bytes of splitFrame(frame).messages) {
          const known = parsed(bytes);
          if (!known) continue;
          const message = new Message(known);
          for (const name of ['MSH', 'PID', 'DSC', 'BHS']) {
            const count = countNamed(segmentNames(known), name);
            let found = 0;
            while (message.segment(name, found + 1)) found++;
            expect(count).toBe(found);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
