import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import {
  compileErrorTable,
  isGood,
  readVerdict,
  type Purpose,
} from '../../../../../adapters/hl7v2/source/refusal.ts';
import { refusalError } from '../../../../../adapters/hl7v2/source/reason.ts';
import type { ErrorCode } from '../../../../../src/errors.ts';
import { errorsSchema } from '../../../../../src/mapping/exchange-schema.ts';

const FILE = errorsSchema.parse(parse(readFileSync('mappings/errors.yaml', 'utf8')));
const table = compileErrorTable(FILE);

function reply(...segments: readonly string[]) {
  const text = ['MSH|^~\\&|CORE|H|FICUS|G|20240101||ACK|9|P|2.5', ...segments, ''].join('\r');
  const message = parseMessage(Buffer.from(text));
  return readVerdict(message, message.value('QAK', 2) || undefined);
}

const err = (code: string, more = '|E') => `ERR||PID^1^5|${code}^text^HL70357${more}`;

/** What the core answers, to what, and which error that is. A new case is a row. */
const CASES: readonly [string, Purpose, readonly string[], ErrorCode | 'empty'][] = [
  ['nothing found', 'search', ['MSA|AA|1', 'QAK|T|NF'], 'empty'],
  ['nothing found', 'read', ['MSA|AA|1', 'QAK|T|NF'], 'not-found'],
  ['too much found', 'search', ['MSA|AA|1', 'QAK|T|TM'], 'too-costly'],
  ['protected data', 'read', ['MSA|AE|1', 'QAK|T|PD'], 'forbidden'],
  ['204 of a search', 'search', ['MSA|AE|1', err('204'), 'QAK|T|AE'], 'empty'],
  ['204 of a read', 'read', ['MSA|AE|1', err('204'), 'QAK|T|AE'], 'not-found'],
  ['204 of a write', 'write', ['MSA|AE|1', err('204')], 'not-found'],
  ['205', 'write', ['MSA|AE|1', err('205')], 'duplicate'],
  ['206', 'write', ['MSA|AE|1', err('206')], 'locked'],
  ['101', 'write', ['MSA|AE|1', err('101')], 'value-required'],
  ['102', 'write', ['MSA|AE|1', err('102')], 'value-invalid'],
  ['103', 'write', ['MSA|AE|1', err('103')], 'code-invalid'],
  ['104', 'write', ['MSA|AE|1', err('104')], 'value-invalid'],
  ['198', 'write', ['MSA|AE|1', err('198')], 'unprocessable'],
  ['200', 'write', ['MSA|AR|1', err('200')], 'not-implemented'],
  ['201', 'write', ['MSA|AR|1', err('201')], 'not-implemented'],
  ['202', 'read', ['MSA|AR|1', err('202')], 'not-implemented'],
  ['203', 'read', ['MSA|CR|1', err('203')], 'not-implemented'],
  ['207', 'read', ['MSA|AE|1', err('207')], 'legacy-exception'],
  ['100', 'write', ['MSA|AE|1', err('100')], 'legacy-rejected'],
  ['AE without a word', 'write', ['MSA|AE|1'], 'legacy-exception'],
  ['CE without a word', 'write', ['MSA|CE|1'], 'legacy-exception'],
  ['a code that nobody knows', 'write', ['MSA|AE|1', err('Z99')], 'legacy-exception'],
  ['AR without a word', 'write', ['MSA|AR|1'], 'legacy-rejected'],
  ['CR without a word', 'write', ['MSA|CR|1'], 'legacy-rejected'],
  ['AR of a query', 'search', ['MSA|AR|1', 'QAK|T|AR'], 'legacy-rejected'],
  ['AR in QAK only', 'search', ['MSA|AA|1', 'QAK|T|AR'], 'legacy-rejected'],
  ['AR that names a field of the content', 'write', ['MSA|AR|1|PID-5 must not hold this'], 'unprocessable'],
  ['AR that names what is wrong', 'write', ['MSA|AR|1|Family name MISSING'], 'unprocessable'],
  ['AR that names a place', 'write', ['MSA|AR|1', err('207')], 'unprocessable'],
  [
    'CR that names a field of the content',
    'write',
    ['MSA|CR|1', 'ERR|||207|E||||OBR.4 unknown'],
    'unprocessable',
  ],
  ['AR that names the header', 'write', ['MSA|AR|1|MSH-6 is not us'], 'legacy-rejected'],
  ['AR of a read that names a field', 'read', ['MSA|AR|1|QPD-3'], 'legacy-rejected'],
  [
    'the form of v2.4: ERR-1',
    'write',
    ['MSA|AE|1', 'ERR|PID^1^5^101&Required field missing&HL70357'],
    'value-required',
  ],
  ['the form of v2.4, several', 'write', ['MSA|AE|1', 'ERR|PID^1^5^207&x~PID^1^3^205&y'], 'duplicate'],
  ['the form of v2.3: MSA-6', 'write', ['MSA|AE|1||||206^Locked^HL70357'], 'locked'],
  [
    'several errors, of which the table takes its first',
    'write',
    ['MSA|AE|1', err('207'), err('206')],
    'locked',
  ],
];

describe('mappings/errors.yaml', () => {
  it.each(CASES)('%s, on a %s', (_what, purpose, segments, code) => {
    expect(table(reply(...segments), purpose)).toBe(code);
  });

  it.each(FILE.rows.slice(0, -1).map((row, at) => [at, JSON.stringify(row)] as const))(
    'row %i decides a case: %s',
    (at) => {
      const without = compileErrorTable({ ...FILE, rows: FILE.rows.toSpliced(at, 1) });
      const changed = CASES.filter(
        ([, purpose, segments, code]) => without(reply(...segments), purpose) !== code,
      );
      expect(changed).not.toEqual([]);
    },
  );

  it('has a last row that takes whatever is left', () => {
    const rows = FILE.rows.slice(0, -1);
    expect(() => compileErrorTable({ ...FILE, rows })).toThrow('last row');
  });

  it.each([
    ['AA', ['MSA|AA|1']],
    ['CA', ['MSA|CA|1']],
    ['OK', ['MSA|AA|1', 'QAK|T|OK']],
    ['a warning beside AA', ['MSA|AA|1', 'ERR|||0^^HL70357|W', 'QAK|T|OK']],
  ])('%s is no error', (_what, segments) => {
    expect(isGood(reply(...segments))).toBe(true);
  });
});

describe('the words of a refusal', () => {
  const elementOf = (place: string) => (place === 'PID-5' ? 'Patient.name' : undefined);
  const errorOf = (...segments: readonly string[]) =>
    refusalError('code-invalid', reply(...segments), elementOf);

  it('name the condition, the place and the element', () => {
    expect(errorOf('MSA|AE|1', err('103')).issues).toEqual([
      {
        severity: 'error',
        code: 'code-invalid',
        diagnostics: 'The legacy system refused: table value not found (HL7 table 0357, 103) at PID-5.',
        expression: ['Patient.name'],
      },
    ]);
  });

  it('tell every error of the answer', () => {
    const { issues } = errorOf('MSA|AE|1', err('103'), 'ERR||PID^1^8|101');
    expect(issues.map(({ expression }) => expression)).toEqual([['Patient.name'], undefined]);
  });

  it.each([
    [['MSA|AE|1|Haller, Johanna is dead']],
    [['MSA|AE|1', 'ERR||Haller^1^5|Haller^Haller|E|Haller|Haller|Haller|Haller']],
    [['MSA|AE|1', 'ERR|Haller^1^5^Haller&Haller']],
    [['MSA|AE|1||||Haller^Haller']],
  ])('never repeat the core’s own text: %j', (segments) => {
    const error = errorOf(...segments);
    expect(error.message + JSON.stringify(error.issues)).not.toContain('Haller');
  });
});
