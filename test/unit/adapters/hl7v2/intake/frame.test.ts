import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeBatchAnswer } from '../../../../../adapters/hl7v2/intake/batch-answer.ts';
import { splitFrame } from '../../../../../adapters/hl7v2/intake/frame.ts';
import { messageOf } from './support.ts';

const FHS = 'FHS|^~\\&|LAB|NORD|FICUS|EDGE|20260214|||results|F1\r';
const BHS = 'BHS|^~\\&|LAB|NORD|FICUS|EDGE|20260214|||results|B1\r';
const M1 = messageOf({ id: 'M1' });
const M2 = messageOf({ id: 'M2' });

const texts = (payload: string): string[] =>
  splitFrame(Buffer.from(payload, 'latin1')).messages.map((message) => message.toString('latin1'));

const TABLE: readonly (readonly [what: string, payload: string, messages: readonly string[]])[] = [
  ['one message', M1, [M1]],
  ['a message that speaks of MSH|', `${M1}NTE|1||see MSH|and\r`, [`${M1}NTE|1||see MSH|and\r`]],
  ['a file of a batch', `${FHS}${BHS}${M1}${M2}BTS|2\rFTS|1\r`, [M1, M2]],
  ['a batch alone', `${BHS}${M1}BTS|1\r`, [M1]],
  ['a batch without an end', `${BHS}${M1}${M2}`, [M1, M2]],
  ['messages one after another', `${M1}${M2}`, [M1, M2]],
  [
    'line feeds',
    `${BHS}${M1}${M2}`.replaceAll('\r', '\n'),
    [M1, M2].map((text) => text.replaceAll('\r', '\n')),
  ],
  ['a line that belongs to no message', `${BHS}PID|1||4711\r${M1}`, ['PID|1||4711\r', M1]],
  ['a message whose header is broken', `${BHS}${M1}MSH\rPID|1\r${M2}`, [M1, 'MSH\rPID|1\r', M2]],
  ['no message at all', 'Hello', ['Hello']],
  ['an empty batch', `${BHS}BTS|0\r`, []],
  ['nothing', '', []],
];

describe('a frame', () => {
  it.each(TABLE)('of %s is taken apart', (_what, payload, messages) => {
    expect(texts(payload)).toEqual(messages);
  });

  it('loses nothing but its envelope, whatever it holds', () => {
    const line = fc.oneof(
      fc.constantFrom('MSH|^~\\&|A', 'PID|1', 'BTS|1', 'MSH', 'BHS|^~\\&|A', 'FTS|1', 'MSHELL', ''),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const payload = Buffer.from(lines.map((one) => `${one}\r`).join(''), 'latin1');
        let end = 0;
        const outside: string[] = [];
        const leave = (to: number) =>
          outside.push(...payload.subarray(end, to).toString('latin1').split('\r'));
        for (const message of splitFrame(payload).messages) {
          const from = message.byteOffset - payload.byteOffset;
          expect(from).toBeGreaterThanOrEqual(end);
          leave(from);
          end = from + message.length;
        }
        leave(payload.length);
        for (const one of outside) expect(one).toMatch(/^(\s*|(FHS|BHS|BTS|FTS).*)$/);
      }),
    );
  });
});

describe('the answer to a batch', () => {
  const answer = (payload: string, acknowledgements: readonly string[]): string =>
    writeBatchAnswer(
      splitFrame(Buffer.from(payload)),
      acknowledgements.map((text) => Buffer.from(text)),
      { now: 0, controlId: 'A1' },
    ).toString();

  it('is a file of a batch for a file of a batch, and names what it answers', () => {
    expect(answer(`${FHS}${BHS}${M1}BTS|1\rFTS|1\r`, ['MSH|1\r', 'MSH|2\r'])).toBe(
      [
        'FHS|^~\\&|FICUS|EDGE|LAB|NORD|19700101000000+0000||||A1|F1',
        'BHS|^~\\&|FICUS|EDGE|LAB|NORD|19700101000000+0000||||A1|B1',
        'MSH|1\rMSH|2',
        'BTS|2',
        'FTS|1\r',
      ].join('\r'),
    );
  });

  it('is a batch for a batch, may be empty, and says when another number was announced', () => {
    expect(answer(`${BHS}${M1}${M2}BTS|3\r`, [])).toBe(
      'BHS|^~\\&|FICUS|EDGE|LAB|NORD|19700101000000+0000||||A1|B1\rBTS|0|3 messages were announced and 2 came\r',
    );
  });
});
