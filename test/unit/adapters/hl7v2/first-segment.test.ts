import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPlain } from '../../../../adapters/hl7v2/charset.ts';
import { FirstSegment } from '../../../../adapters/hl7v2/first-segment.ts';

/** Bytes that decide something: separators, segment ends, other control characters, the edges of ASCII. */
const bytes = fc.array(
  fc.constantFrom(...Array.from('||AZ ~\t\r\n\u001b\u001f\u007f\u0080\u00ff', (one) => one.charCodeAt(0))),
  { maxLength: 40 },
);

describe('the first segment', () => {
  it('is what looking for each of its marks alone finds', () => {
    fc.assert(
      fc.property(bytes, fc.nat(5), fc.nat(5), (all, before, behind) => {
        const source = Buffer.from(all);
        const text = source.toString('latin1');
        const start = Math.min(before, text.length);
        const to = Math.max(start, text.length - behind);
        const [line = ''] = text.slice(start, to).split(/[\r\n]/);
        const end = start + line.length;
        const plain = isPlain(line);
        const offsets = [start];
        for (const field of line.split('|')) offsets.push(offsets.at(-1)! + field.length + 1);
        expect(new FirstSegment(source, start, to, 0x7c)).toMatchObject({
          start,
          end,
          stop: end + /^[\r\n]*/.exec(text.slice(end, to))![0].length,
          plain,
          fieldStarts: plain ? offsets : [start],
        });
      }),
    );
  });
});
