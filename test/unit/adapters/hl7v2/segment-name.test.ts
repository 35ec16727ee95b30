import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';

const HEADER = 'MSH|^~\\&|A|B|C|D|2025||ADT^A08|1|P|2.5';
const LINES = [
  'PID|1', 'PID', 'ZZ9|x', 'PI|1', 'PIDX|1', 'pid|1', '1AB|1', 'P\xe4D|1', 'A^B|1', 'OBX|', 'PID|2', '\xff\xff\xff|1',
]; // prettier-ignore

describe('names of segments, odd ones as well', () => {
  const message = () => parseMessage(Buffer.from([HEADER, ...LINES].join('\r'), 'latin1'));
  const names = [HEADER, ...LINES].map((line) => line.split('|')[0]!);

  it('are what stands before the first separator', () => {
    const read = message();
    expect(names.map((_, place) => read.nameAt(place))).toEqual(names);
    expect(read.nameAt(names.length)).toBeUndefined();
    expect(read.segments.map(({ name }) => name)).toEqual(names);
  });

  it.each([...new Set(names), 'ABC', 'P\u{1e4}D', 'PIĀ'])('finds each segment named %j, in order', (name) => {
    const lines = [HEADER, ...LINES].filter((line) => line.split('|')[0] === name);
    const read = message();
    const found = lines.map((_, at) => read.segment(name, at + 1)?.bytes());
    expect(found).toEqual(lines);
    expect(read.segment(name, lines.length + 1)).toBeUndefined();
    read.remove(read.append(['ZZZ']));
    expect(lines.map((_, at) => read.segment(name, at + 1)?.bytes())).toEqual(lines);
  });

  it('are taken from another field separator alike', () => {
    const read = parseMessage(Buffer.from('MSH$^~\\&$A\rPID$1|2\rPID|1$2\r'));
    expect(read.nameAt(2)).toBe('PID|1');
    expect(read.segment('PID', 2)).toBeUndefined();
  });
});
