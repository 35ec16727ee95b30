import { describe, expect, it } from 'vitest';
import { canonicalDecimal, decimalChange } from '../../../../src/strangler/compare/decimal.ts';
import { codeEquivalences } from '../../../../src/strangler/compare/options.ts';
import { createReferences } from '../../../../src/strangler/compare/references.ts';
import { textChange } from '../../../../src/strangler/compare/text.ts';
import { canonicalTime, timeChange } from '../../../../src/strangler/compare/time.ts';

/** `same`, or what is told of the change. */
const told = (change: { readonly detail?: string } | undefined): string =>
  change ? (change.detail ?? 'changed') : 'same';

describe('two moments', () => {
  it.each([
    ['2026-03-01T10:00:00+01:00', '2026-03-01T09:00:00Z', 'same'],
    ['2026-03-01T10:00:00.000Z', '2026-03-01T10:00:00Z', 'same'],
    ['2026-03-01T10:00:00.50Z', '2026-03-01T10:00:00.5Z', 'same'],
    ['2026-03-29T01:30:00+01:00', '2026-03-29T03:30:00+02:00', 'changed'],
    ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00', 'another offset'],
    ['2026-03-01T10:00:00Z', '2026-03-01T10:00:00', 'the offset is missing'],
    ['2026-03-01T10:00:00', '2026-03-01T10:00:00Z', 'an offset was added'],
    ['2026-03-01T10:00:00Z', '2026-03-03T10:00:00', 'changed'],
    ['2026-03-01T10:00:00.123Z', '2026-03-01T10:00:00Z', 'fraction of a second'],
    ['2026-03-01T10:00:00.123Z', '2026-03-01T10:00:00.456Z', 'changed'],
    ['2026-03-01T10:00:00Z', '2026-03-01', 'less precise'],
    ['2020-03', '2020-03-01', 'more precise'],
    ['2020-03', '2020-04-01', 'changed'],
    ['2020-03-01', '2020-03-02', 'changed'],
    ['2026-02-30T10:00:00Z', '2026-03-02T10:00:00Z', 'changed'],
    ['2026-13-01T10:00:00Z', '2027-01-01T10:00:00Z', 'changed'],
    ['0026-03-01T10:00:00Z', '1926-03-01T10:00:00Z', 'changed'],
    ['2026-12-31T23:59:60Z', '2027-01-01T00:00:00Z', 'changed'],
    ['yesterday', 'today', 'changed'],
  ])('%s and %s: %s', (legacy, modern, expected) => {
    expect(told(timeChange(legacy, modern))).toBe(expected);
    expect(canonicalTime(legacy) === canonicalTime(modern)).toBe(expected === 'same');
  });
});

describe('two decimals', () => {
  it.each([
    ['1.50', '1.50', 'same'],
    ['1.50', '1.5', 'precision lost'],
    ['1.5', '1.50', 'precision added'],
    ['1e2', '100', 'same'],
    ['1.0E1', '10', 'same'],
    ['0', '-0', 'same'],
    ['0.0', '0', 'precision lost'],
    ['1.5', '-1.5', 'the sign'],
    ['2.5', '25', 'a power of ten'],
    ['5.46', '5.5', 'rounded'],
    ['5.46', '5.4', 'rounded'],
    ['5.46', '5.6', 'changed'],
    ['12345678901234567890.1', '12345678901234567890.2', 'changed'],
    ['1e999', '1e998', 'a power of ten'],
    ['1e9999', '1e9998', 'changed'],
  ])('%s and %s: %s', (legacy, modern, expected) => {
    expect(told(decimalChange(legacy, modern))).toBe(expected);
    expect(canonicalDecimal(legacy) === canonicalDecimal(modern)).toBe(expected === 'same');
  });
});

describe('two texts', () => {
  it.each([
    ['Müller', 'Mu\u0308ller', 'same'],
    ['Müller ', 'Müller', 'white space'],
    ['a  b', 'a b', 'white space'],
    ['Müller', 'MÜLLER', 'letter case'],
    ['Müller', 'MÃ¼ller', 'characters broken'],
    ['Müller', 'M?ller', 'characters broken'],
    ['a & b', 'a &amp; b', 'HTML escaped'],
    ['a long text', 'a long', 'cut off'],
    ['Müller', 'Mueller', 'changed'],
  ])('%s and %s: %s', (legacy, modern, expected) => {
    expect(told(textChange(legacy, modern))).toBe(expected);
  });
});

describe('references', () => {
  const canonical = createReferences({
    bases: ['https://api.example/fhir/', 'http://svc.internal:8080/r4'],
    idOf: (_type, id) => (id === 'theirs' ? 'ours' : undefined),
  });

  it.each([
    ['Patient/1', 'Patient/1'],
    ['https://api.example/fhir/Patient/1', 'Patient/1'],
    ['HTTPS://API.example/fhir/Patient/1', 'Patient/1'],
    ['http://svc.internal:8080/r4/Patient/1', 'Patient/1'],
    ['https://api.example/FHIR/Patient/1', 'https://api.example/FHIR/Patient/1'],
    ['https://elsewhere.example/fhir/Patient/1', 'https://elsewhere.example/fhir/Patient/1'],
    ['Patient/theirs', 'Patient/ours'],
    ['Patient/1/_history/2', 'Patient/1/_history/2'],
    ['urn:uuid:0a4c7e9e-7e6a-4d6c-8d3e-3f0a6f1c2b11', 'urn:uuid:0a4c7e9e-7e6a-4d6c-8d3e-3f0a6f1c2b11'],
    ['not a reference', 'not a reference'],
  ])('%s is %s', (reference, expected) => {
    expect(canonical(reference)).toBe(expected);
  });
});

describe('groups of equivalent codes', () => {
  it('that share a code are one', () => {
    const codes = codeEquivalences([['a|1', 'b|1'], ['c|1', 'd|1'], ['d|1', 'b|1'], ['e|1'], []]);
    expect(new Set(['a|1', 'b|1', 'c|1', 'd|1'].map((code) => codes.get(code))).size).toBe(1);
    expect(codes.get('e|1')).toBe('e|1');
    expect(codes.get('f|1')).toBeUndefined();
  });
});
