import { describe, expect, it } from 'vitest';
import { createAck, formatInstant } from '../../../../adapters/hl7v2/ack.ts';
import { parseBatch } from '../../../../adapters/hl7v2/batch.ts';
import { delimitersOf } from '../../../../adapters/hl7v2/delimiters.ts';
import { repeat } from '../../../../adapters/hl7v2/nested.ts';
import { createMessage, parseMessage } from '../../../../adapters/hl7v2/parse.ts';
import { formatPath, parsePath } from '../../../../adapters/hl7v2/path.ts';

const HEADER = 'MSH|^~\\&|KLINIK|NORD|FICUS|EDGE|2025||ADT^A08|F001|P|2.5.1\r';
const parse = (text: string) => parseMessage(Buffer.from(text));
const textOf = (message: { toBytes(): Buffer }): string => message.toBytes().toString();

describe('what is no message', () => {
  it.each([
    ['nothing', ''],
    ['no MSH', 'PID|1\r'],
    ['text before MSH', 'hello MSH|^~\\&|A\r'],
    ['a letter as separator', 'MSHA^~\\&AB\r'],
    ['a blank as separator', 'MSH ^~\\& A\r'],
    ['MSH alone', 'MSH'],
    ['two messages', `${HEADER}PID|1\r${HEADER}PID|2\r`],
    ['a batch', `FHS|^~\\&|A\r${HEADER}`],
  ])('%s is refused as malformed', (_what, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'legacy-malformed' }));
  });

  it('is refused without a word of its content', () => {
    expect(() => parse('PID|1||4711||SECRET^NAME\r')).toThrow(/^(?!.*SECRET)/);
  });
});

describe('segments', () => {
  it('are inserted where they are wanted, with the segment end of the message', () => {
    const message = parse(`${HEADER}PID|1\rPV1|1`.replaceAll('\r', '\r\n'));
    message.insert(2, ['PD1', { 4: ['77', 'DR & SONS'] }]);
    message.append(['OBX', { 1: '1', 5: repeat('a', ['b', ['c', 'd|']]) }]);
    message.insert(1, ['EVN', { 1: 'A08' }]);
    expect(textOf(message)).toBe(
      `${HEADER}EVN|A08\rPID|1\rPD1||||77^DR \\T\\ SONS\rPV1|1\rOBX|1||||a~b^c&d\\F\\\r`.replaceAll(
        '\r',
        '\r\n',
      ),
    );
    expect(message.get('PD1-4.2')).toBe('DR & SONS');
  });

  it('are removed with their segment end, and all others stay byte for byte', () => {
    const message = parse(`${HEADER}NTE|1\r\rOBX|1\rNTE|2\rPV1|1`);
    for (const note of message.all('NTE')) message.remove(note);
    message.set('OBX-5', 'x');
    expect(textOf(message)).toBe(`${HEADER}OBX|1||||x\rPV1|1`);
  });

  it('are edited after others were added and removed', () => {
    const message = parse(`${HEADER}PID|1\rOBX|1\rOBX|2\rOBX|3\r`);
    message.remove(message.segment('OBX', 2)!);
    const added = message.insert(1, ['EVN']);
    added.set('A08', 1);
    message.set('OBX[2]-5', 'y');
    message.set('MSH-10', 'N');
    expect(textOf(message)).toBe(`${HEADER.replace('F001', 'N')}EVN|A08\rPID|1\rOBX|1\rOBX|3||||y\r`);
  });

  it('do not leave MSH, nor go before it', () => {
    const message = parse(`${HEADER}PID|1\r`);
    expect(() => message.remove(message.segments[0]!)).toThrow(RangeError);
    expect(() => message.insert(0, ['EVN'])).toThrow(RangeError);
    expect(() => message.set('ZZZ-1', 'x')).toThrow(RangeError);
    expect(() => message.append(['zz|', {}])).toThrow(TypeError);
  });
});

describe('whole levels', () => {
  it('are replaced with all below them', () => {
    const message = parse(`${HEADER}PID|1||a^b&c~d|x\r`);
    message.replace('PID-3[1].2', ['e', 'f^']);
    expect(textOf(message)).toBe(`${HEADER}PID|1||a^e&f\\S\\~d|x\r`);
    message.replace('PID-3[2]', ['g', undefined, null]);
    expect(textOf(message)).toBe(`${HEADER}PID|1||a^e&f\\S\\~g^^""|x\r`);
    message.replace('PID-3', undefined);
    expect(textOf(message)).toBe(`${HEADER}PID|1|||x\r`);
    expect(() => message.replace('PID-3[1]', repeat('a'))).toThrow(TypeError);
    expect(() => message.replace('MSH-2', 'x')).toThrow(expect.objectContaining({ code: 'unmappable' }));
  });

  it('are given as written, separators and escapes included', () => {
    const message = parse(`${HEADER}PID|1||a\\F\\^b&c~é\r`);
    expect(message.written('PID-3')).toBe('a\\F\\^b&c~é');
    expect(message.written('PID-3[1]')).toBe('a\\F\\^b&c');
    expect(message.written('PID-3[1].2')).toBe('b&c');
    expect(message.written('PID-3[1].2.2')).toBe('c');
    expect(message.written('PID-3[3]')).toBeUndefined();
    expect(message.written('PID-9')).toBeUndefined();
    expect(message.written('ZZZ-9')).toBeUndefined();
  });
});

describe('a new message', () => {
  it('is written as said, in field order, and read back', () => {
    const message = createMessage([
      ['MSH', { 9: ['QBP', 'Q22', 'QBP_Q21'], 3: 'FICUS', 10: 'Q1', 12: '2.5' }],
      [
        'QPD',
        {
          1: 'IHE PDQ Query',
          2: 'T1',
          3: repeat(['@PID.5.1.1', 'O|Neil*'], ['@PID.8', 'F']),
          8: [undefined, undefined, undefined, 'HOSP'],
        },
      ],
      ['RCP', { 1: 'I', 2: ['10', 'RD'] }],
    ]);
    expect(textOf(message)).toBe(
      'MSH|^~\\&|FICUS||||||QBP^Q22^QBP_Q21|Q1||2.5\r' +
        'QPD|IHE PDQ Query|T1|@PID.5.1.1^O\\F\\Neil*~@PID.8^F|||||^^^HOSP\rRCP|I|10^RD\r',
    );
    expect(message.get('QPD-3.2')).toBe('O|Neil*');
  });

  it('is in the character set that MSH-18 or the connection says', () => {
    const make = (field18: string | undefined, options = {}) =>
      createMessage([['MSH', { 18: field18, 3: 'Zoë' }]], options)
        .toBytes()
        .toString('latin1');
    expect(make('8859/1')).toContain('|Zo\u00eb|');
    expect(make('UNICODE UTF-8')).toContain('|Zo\u00c3\u00ab|');
    expect(make(undefined)).toContain('|Zo\u00c3\u00ab\r');
    expect(make('UNICODE UTF-8', { charset: '8859/1' })).toContain('|Zo\u00eb|');
    expect(() => make('ASCII')).toThrow(expect.objectContaining({ code: 'unmappable' }));
    expect(() => make('KLINGON')).toThrow(expect.objectContaining({ code: 'legacy-malformed' }));
  });

  it('takes the delimiters of its interface', () => {
    const message = createMessage([['MSH', { 9: ['ACK', 'A|B'], 3: '$' }]], {
      delimiters: delimitersOf('$', '*+!@'),
    });
    expect(textOf(message)).toBe('MSH$*+!@$!F!$$$$$$ACK*A|B\r');
  });

  it('refuses mistakes of the program', () => {
    expect(() => createMessage([['PID', {}]])).toThrow(TypeError);
    expect(() => createMessage([])).toThrow(TypeError);
    expect(() => createMessage([['MSH', { 2: '^' }]])).toThrow(TypeError);
    expect(() => createMessage([['MSH'], ['PID', { 0: 'x' }]])).toThrow(TypeError);
  });
});

describe('an acknowledgement', () => {
  it('turns sender and receiver round and names the message', () => {
    const of = parse('MSH|^~\\&|A^1.2^ISO|B|C|D|2025||ADT^A28^ADT_A05|X\\F\\1|P^T|2.5.1||||||8859/1\r');
    const ack = createAck(of, 'AE', { controlId: 'N1', now: Date.UTC(2025, 1, 3, 4, 5, 6) });
    expect(textOf(ack)).toBe(
      'MSH|^~\\&|C|D|A^1.2^ISO|B|20250203040506+0000||ACK^A28^ACK|N1|P^T|2.5.1||||||8859/1\rMSA|AE|X\\F\\1\r',
    );
  });

  it('can be made of a message whose character set is not known', () => {
    const of = parse('MSH|^~\\&|Zo\u00eb||||2025||ADT^A28|1|P|2.5||||||KLINGON\r');
    expect(textOf(createAck(of, 'AR', { controlId: '2', now: 0 }))).toContain('|Zo\u00eb||19700101');
  });

  it('of a header that says little says little', () => {
    expect(textOf(createAck(parse('MSH|^~\\&\r'), 'AR', { controlId: '1', now: 0 }))).toBe(
      'MSH|^~\\&|||||19700101000000+0000||ACK|1\rMSA|AR|\r',
    );
    expect(formatInstant(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe('20261231235959+0000');
  });
});

describe('paths', () => {
  it.each(['PID-5', 'PID-3[2].4', 'OBX[3]-5', 'ZA1[12]-1[3].1.2'])('%s is written as it is read', (path) => {
    expect(formatPath(parsePath(path))).toBe(path);
  });

  it.each([
    '',
    'PID',
    'PID-',
    'PID.5',
    'PID-0',
    'PID[0]-1',
    'PID-3[0]',
    'pid-3',
    'PID-3.',
    'PID-3.1.2.3',
    'PID-3 ',
    'PIDX-3',
  ])('%j is refused', (path) => {
    expect(() => parsePath(path)).toThrow(SyntaxError);
  });

  it('numbers below 1 and beyond reason are refused', () => {
    const message = parse(`${HEADER}PID|1\r`);
    for (const field of [0, -1, 1.5, 10_001])
      expect(() => message.segment('PID')!.set('x', field)).toThrow(RangeError);
  });
});

describe('a batch', () => {
  const BATCH = [
    '\nFHS|^~\\&|A|B',
    'BHS|^~\\&|A|B||||Größe',
    'MSH|^~\\&|A|B|C|D|2025||ADT^A08|1|P|2.5||||||8859/1',
    'PID|1||1||Lena',
    'MSH$*+!@$A$B$C$D$2025$$ADT*A08$2$P$2.5',
    'PID$1$$2*x',
    'BTS|2',
    'FTS|1',
    '',
  ].join('\r\n');

  it('gives its messages, each by its own delimiters, and its envelope', () => {
    const batch = parseBatch(Buffer.from(BATCH));
    expect(batch.messages.map((message) => message.get('MSH-10'))).toEqual(['1', '2']);
    expect(batch.messages[1]!.get('PID-3.2')).toBe('x');
    expect(batch.envelope.map((segment) => segment.name)).toEqual(['FHS', 'BHS', 'BTS', 'FTS']);
    expect(batch.envelope[1]!.value(8)).toBe('Größe');
    expect(batch.envelope[2]!.value(1)).toBe('2');
    expect(batch.toBytes().toString()).toBe(BATCH);
  });

  it('changes where a message was changed, and nowhere else', () => {
    const batch = parseBatch(Buffer.from(BATCH));
    batch.messages[0]!.set('PID-5', 'Zoë');
    batch.messages[1]!.set('MSH-10', '$9');
    const expected = BATCH.replace('Lena', 'Zo\u00eb').replace('$2$P', '$!F!9$P');
    // Latin 1 in the first message, UTF-8 in the envelope.
    expect(batch.toBytes().toString('latin1')).toBe(
      expected.replace('Größe', Buffer.from('Größe').toString('latin1')),
    );
    expect(() => batch.envelope[2]!.set('3', 1)).toThrow(expect.objectContaining({ code: 'unmappable' }));
  });

  it('may be messages one after another, and may not be anything else', () => {
    expect(parseBatch(Buffer.from(`${HEADER}${HEADER}PID|1\r`)).messages).toHaveLength(2);
    expect(() => parseBatch(Buffer.from('PID|1\r'))).toThrow(
      expect.objectContaining({ code: 'legacy-malformed' }),
    );
    expect(() => parseBatch(Buffer.from('FHSx^~\\&|A\r'))).toThrow(
      expect.objectContaining({ code: 'legacy-malformed' }),
    );
  });
});
