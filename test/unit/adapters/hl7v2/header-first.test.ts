import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';

// MSH is looked at before the rest of a message is. What the rest needs (a character set that hides delimiters, segments that end in line feeds) must
// be seen all the same, whoever was asked for first.

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const header = (sender: string, set = ''): string =>
  `MSH|^~\\&|${sender}|NORD|FICUS|EDGE|2025||ADT^A08|F001|P|2.5.1||||||${set}\r`;

interface Case {
  readonly what: string;
  readonly message: string;
  readonly charset?: string;
  readonly name: string;
}

const CASES: readonly Case[] = [
  { what: 'ASCII', message: `${header('A')}PID|1||7||DOE^JANE\rPV1|1\r`, name: 'DOE' },
  { what: 'UTF-8', message: `${header('A')}PID|1||7||M\xc3\xbcller^JANE\rPV1|1\r`, name: 'Müller' },
  {
    what: 'UTF-8 in MSH, too',
    message: `${header('S\xc3\xbcd')}PID|1||7||M\xc3\xbcller^JANE\rPV1|1\r`,
    name: 'Müller',
  },
  {
    what: 'Shift-JIS with a backslash in a character',
    message: `${header('A')}PID|1||7||\x83\x5c\x83\x5c^JANE\rPV1|1\r`,
    charset: 'SHIFT_JIS',
    name: 'ソソ',
  },
  {
    what: 'Shift-JIS with a separator in a character of MSH',
    message: `${header('\x83\x7c')}PID|1||7||DOE^JANE\rPV1|1\r`,
    charset: 'SHIFT_JIS',
    name: 'DOE',
  },
  {
    what: 'ISO 2022 with separators in characters',
    message: `${header('A', '~ISO IR87')}PID|1||7||\x1b$B0|0^\x1b(B^JANE\rPV1|1\r`,
    name: '淫緯',
  },
  {
    what: 'line feeds as segment ends',
    message: `${header('A')}PID|1||7||DOE^JANE\rPV1|1\r`.replaceAll('\r', '\n'),
    name: 'DOE',
  },
  {
    what: 'line feeds as text, behind MSH only',
    message: `${header('A')}PID|1||7||DOE\nlower^JANE\rPV1|1\r`,
    name: 'DOE\nlower',
  },
];

describe.each(CASES)('a message of $what', ({ message: text, charset, name }) => {
  const parse = () => parseMessage(bytesOf(text), charset === undefined ? {} : { charset });

  it('reads the same before and after a change of MSH', () => {
    const untouched = parse();
    expect(untouched.get('PID-5')).toBe(name);
    const message = parse();
    message.set('MSH-10', 'N1');
    expect(message.get('PID-5')).toBe(name);
    expect(message.get('PID-5.2')).toBe('JANE');
    expect(message.segments.map((segment) => segment.name)).toEqual(['MSH', 'PID', 'PV1']);
    expect(message.get('MSH-10')).toBe('N1');
  });

  it('keeps every other byte, whether MSH or another segment is changed first', () => {
    const changed = text.replace('F001', 'N1').replace('^JANE', '^ANN');
    for (const places of [
      ['MSH-10', 'PID-5.2'],
      ['PID-5.2', 'MSH-10'],
    ] as const) {
      const message = parse();
      for (const place of places) message.set(place, place === 'MSH-10' ? 'N1' : 'ANN');
      expect(message.toBytes()).toEqual(bytesOf(changed));
    }
    const message = parse();
    message.set('MSH-10', 'N1');
    expect(message.toBytes()).toEqual(bytesOf(text.replace('F001', 'N1')));
  });
});
