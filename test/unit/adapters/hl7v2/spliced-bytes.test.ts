import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SplicedBytes } from '../../../../adapters/hl7v2/spliced-bytes.ts';

/** What stays before a range, how long the range is, and what is put in its place. */
const part = fc.tuple(fc.nat(40), fc.nat(30), fc.string({ unit: 'binary-ascii', maxLength: 40 }));

describe('spliced bytes', () => {
  it('are what splicing a string gives, whatever grows and shrinks first', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.nat(40), (parts, rest) => {
        const length = parts.reduce((sum, [kept, replaced]) => sum + kept + replaced, rest);
        const source = Buffer.from(Array.from({ length }, (_, at) => at % 256));
        const growth = parts.reduce((sum, [, replaced, text]) => sum + text.length - replaced, 0);
        const out = new SplicedBytes(source, growth);
        let expected = '';
        let at = 0;
        for (const [kept, replaced, text] of parts) {
          out.splice(at + kept, at + kept + replaced, text);
          expected += source.toString('latin1', at, at + kept) + text;
          at += kept + replaced;
        }
        expect(out.finish().toString('latin1')).toBe(expected + source.toString('latin1', at));
      }),
    );
  });

  it('must add up to what was said', () => {
    const out = new SplicedBytes(Buffer.from('abc'), 2);
    out.splice(1, 2, 'xy');
    expect(() => out.finish()).toThrow(RangeError);
  });
});
