import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { createEnvelope, type EnvelopeOptions } from '../../../../../adapters/hl7v2/source/envelope.ts';
import { fixedClock } from '../../soap/fixed-clock.ts';

const OPTIONS: EnvelopeOptions = {
  sender: { application: 'FICUS', facility: 'GATE' },
  receiver: { application: 'HOSPIX', facility: 'MAIN' },
  processing: 'T',
  version: '2.5',
  acknowledgement: 'original',
  charset: 'UNICODE UTF-8',
  timeZone: 'Europe/Berlin',
  clock: fixedClock('2026-07-01T10:20:30.999Z'),
};

const envelope = (change: Partial<EnvelopeOptions> = {}) => createEnvelope({ ...OPTIONS, ...change });

describe('the header of a message', () => {
  it.each<[string, Partial<EnvelopeOptions>, string]>([
    [
      'as configured',
      {},
      'MSH|^~\\&|FICUS|GATE|HOSPIX|MAIN|20260701122030||QBP^Q22^QBP_Q21|C1|T|2.5||||||UNICODE UTF-8',
    ],
    [
      'in enhanced mode',
      { acknowledgement: 'enhanced', charset: '8859/1' },
      'MSH|^~\\&|FICUS|GATE|HOSPIX|MAIN|20260701122030||QBP^Q22^QBP_Q21|C1|T|2.5|||AL|AL||8859/1',
    ],
    [
      'in v2.3, without a structure',
      { version: '2.3', timeZone: 'America/New_York' },
      'MSH|^~\\&|FICUS|GATE|HOSPIX|MAIN|20260701062030||QBP^Q22|C1|T|2.3||||||UNICODE UTF-8',
    ],
    [
      'with names that hold delimiters',
      { sender: { application: 'A|B', facility: 'C^D' } },
      'MSH|^~\\&|A\\F\\B|C\\S\\D|HOSPIX|MAIN|20260701122030||QBP^Q22^QBP_Q21|C1|T|2.5||||||UNICODE UTF-8',
    ],
  ])('%s', (_what, change, header) => {
    const writer = envelope(change);
    for (const again of [1, 2])
      expect([again, writer.write('QBP^Q22^QBP_Q21', 'C1', [])]).toEqual([again, `${header}\r`]);
  });

  it('is each type’s own', () => {
    const writer = envelope();
    expect(writer.write('QBP^Q22^QBP_Q21', 'C1', [])).toContain('|QBP^Q22^QBP_Q21|C1|');
    expect(writer.write('ADT^A28^ADT_A05', 'C2', [])).toContain('|ADT^A28^ADT_A05|C2|');
  });

  it('follows the record’s delimiters and character set where it is written as the core wrote it', () => {
    const writer = envelope();
    const { delimiters } = parseMessage(Buffer.from('MSH#*!?%#X\r'));
    const form = { ...writer.form, delimiters, charsetName: '8859/1' };
    const [header] = writer.write('ADT^A31^ADT_A05', 'C1', [['EVN', { 2: 'a#b' }]], form).split('\r');
    expect(header).toBe(
      'MSH#*!?%#FICUS#GATE#HOSPIX#MAIN#20260701122030##ADT*A31*ADT_A05#C1#T#2.5######8859/1',
    );
  });

  it('refuses a character set that nobody knows', () => {
    expect(() => envelope({ charset: 'KLINGON' })).toThrow('character set');
  });
});

describe('what is minted', () => {
  it('control ids are of 15 characters and never the same, of two cores neither', () => {
    const writers = [envelope(), envelope()];
    const ids = writers.flatMap((writer) => Array.from({ length: 2_000 }, () => writer.controlId()));
    expect(new Set(ids).size).toBe(4_000);
    expect(ids.every((id) => /^[0-9A-Z]{15}$/.test(id))).toBe(true);
  });

  it('numbers are of 15 characters and never the same', () => {
    const { mint } = envelope();
    const numbers = Array.from({ length: 2_000 }, () => mint());
    expect(new Set(numbers).size).toBe(2_000);
    expect(numbers.every((number) => /^[0-9A-HJKMNP-TV-Z]{15}$/.test(number))).toBe(true);
  });
});

describe('numbers and control ids', () => {
  it('are new each time, or the same for the same write, in any process', () => {
    const [one, other] = [envelope(), envelope()];
    for (const made of ['controlId', 'mint'] as const) {
      const drawn = [one[made](), one[made](), other[made](), other[made]('w-1'), other[made]('w-2')];
      expect(new Set(drawn).size).toBe(5);
      expect(one[made]('w-1')).toBe(other[made]('w-1'));
      expect(one[made]('w-1')).toMatch(made === 'mint' ? /^[0-9A-Z]{15}$/ : /^[0-9A-Z]{20}$/);
    }
    expect(one.controlId('w-1').slice(0, 15)).not.toBe(one.mint('w-1'));
  });
});
