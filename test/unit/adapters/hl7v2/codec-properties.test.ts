import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delimitersOf } from '../../../../adapters/hl7v2/delimiters.ts';
import { createMessage, parseMessage } from '../../../../adapters/hl7v2/parse.ts';

/** Text that likes to hurt: delimiters, line ends, framing bytes, escapes, quotes, and anything of Unicode. */
const hostile = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('|^~\\&#"\r\n\t\u000b\u001c\0AFSTREXPé渡Ω .')),
    maxLength: 12,
  }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('""', '\\.br\\', '\\X0D\\', '\\F\\', 'MSH|^~\\&|', '\rPID|1'),
);
const value = fc.oneof({ weight: 9, arbitrary: hostile }, { weight: 1, arbitrary: fc.constant(null) });
const place = fc.record({
  segment: fc.constantFrom('PID', 'OBX', 'ZZZ'),
  field: fc.integer({ min: 1, max: 40 }),
  repetition: fc.integer({ min: 1, max: 4 }),
  component: fc.integer({ min: 1, max: 6 }),
  subcomponent: fc.integer({ min: 1, max: 4 }),
});
const delimiters = fc
  .constantFrom('|^~\\&', '|^~\\&#', '$:;?%', '@~^\\&')
  .map((all) => delimitersOf(all[0]!, all.slice(1)));
const end = fc.constantFrom('\r', '\n', '\r\n');

function base(separators: ReturnType<typeof delimitersOf>, terminator: string) {
  const made = createMessage(
    [
      ['MSH', { 3: 'A', 9: ['ADT', 'A08'], 10: '1', 12: '2.5' }],
      ['PID', { 1: '1', 3: ['4711', undefined, undefined, ['N', '1.2', 'ISO']], 5: ['Müller', 'Zoë'] }],
      ['OBX', { 1: '1', 5: 'x' }],
      ['ZZZ'],
    ],
    { delimiters: separators },
  );
  return Buffer.from(made.toBytes().toString('latin1').replaceAll('\r', terminator), 'latin1');
}

describe('a value that is set', () => {
  it('is read back equal, at once and after the bytes were read anew, and makes no segment', () => {
    fc.assert(
      fc.property(
        delimiters,
        end,
        fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 6 }),
        (separators, terminator, edits) => {
          const message = parseMessage(base(separators, terminator));
          for (const [at, text] of edits) {
            message.set(at, text);
            expect(message.get(at)).toBe(text);
          }
          const again = parseMessage(message.toBytes());
          expect(again.segments.length).toBe(4);
          expect(again.segments.map((segment) => segment.name)).toEqual(['MSH', 'PID', 'OBX', 'ZZZ']);
          expect(again.get(edits.at(-1)![0])).toBe(edits.at(-1)![1]);
          expect(again.check()).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('gives the same bytes with others at once, each on a message read anew, and in a message put together anew', () => {
    fc.assert(
      fc.property(
        delimiters,
        end,
        fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 12 }),
        (separators, terminator, edits) => {
          const bytes = base(separators, terminator);
          const atOnce = parseMessage(bytes);
          const rearranged = parseMessage(bytes);
          rearranged.remove(rearranged.append(['ZZY']));
          let oneByOne: Buffer = bytes;
          for (const [at, text] of edits) {
            atOnce.set(at, text);
            rearranged.set(at, text);
            const single = parseMessage(oneByOne);
            single.set(at, text);
            oneByOne = single.toBytes();
          }
          expect(atOnce.toBytes()).toEqual(oneByOne);
          expect(rearranged.toBytes()).toEqual(oneByOne);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('leaves every other place of its segment as it was', () => {
    fc.assert(
      fc.property(place, value, place, (at, text, other) => {
        fc.pre(JSON.stringify(at) !== JSON.stringify(other));
        const message = parseMessage(base(delimitersOf('|', '^~\\&'), '\r'));
        const before = message.get(other);
        message.set(at, text);
        // What was absent may have come to be empty on the way to the place that was set.
        expect(message.get(other) || undefined).toBe(before || undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  it('changes nothing when it is what is there already', () => {
    fc.assert(
      fc.property(place, value, (at, text) => {
        const first = parseMessage(base(delimitersOf('|', '^~\\&'), '\r'));
        first.set(at, text);
        const bytes = first.toBytes();
        const second = parseMessage(bytes);
        second.set(at, text);
        expect(second.toBytes()).toBe(bytes);
      }),
    );
  });
});

describe('any bytes behind a header', () => {
  const noise = fc
    .uint8Array({ maxLength: 200 })
    .map((bytes) => Buffer.concat([Buffer.from('MSH|^~\\&|A|B\rPID|1||'), bytes]));

  it('are read without a fault and come back byte for byte', () => {
    fc.assert(
      fc.property(noise, place, (bytes, at) => {
        fc.pre(!/[\r\n]MSH\|/.test(bytes.toString('latin1')));
        const message = parseMessage(bytes, { charset: '8859/1' });
        message.check();
        message.get(at);
        for (const segment of message.segments) segment.written(1);
        expect(message.toBytes()).toBe(bytes);
        message.set('MSH-10', 'X');
        const edited = message.toBytes().toString('latin1');
        expect(edited).toBe(bytes.toString('latin1').replace('MSH|^~\\&|A|B\r', 'MSH|^~\\&|A|B||||||X\r'));
      }),
      { numRuns: 500 },
    );
  });
});
