import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/fhir/types.ts';
import { compileMappings } from '../../../src/mapping/mapping-set.ts';
import { startRun } from '../../../src/mapping/run.ts';
import { contentTypeCodec, ED_DATA, OCTETS } from '../../../src/mapping/via/attachment.ts';
import { durationCodec, offsetByDurationCodec } from '../../../src/mapping/via/duration.ts';
import { endAfterCodec, MINUTE_INSTANT, NO_DATE } from '../../../src/mapping/via/instant.ts';
import { referenceRangeCodec } from '../../../src/mapping/via/reference-range.ts';
import { unitCodec } from '../../../src/mapping/via/units.ts';
import { BASE, CONTEXT, hl7Text, hl7Tree } from './support.ts';

const codes = compileMappings(BASE).codes;
const times = codes.get('time-unit');
const systems = codes.get('coding-systems');
const RANGE = referenceRangeCodec(
  { range: [3], type: [1], units: { code: [2, 1], text: [2, 2], system: [2, 3] } },
  systems,
);

/** The segment ZZZ with these fields. */
const segment = (text: string) => hl7Tree(`ZZZ|${text}`).child('ZZZ');
const read = (codec: { read: typeof ED_DATA.read }, text: string, field?: number): Json | undefined => {
  const place = segment(text);
  return codec.read(field === undefined ? place : place.child(field), startRun(CONTEXT).run);
};

describe('types of data', () => {
  it.each([
    ['^TEXT^html', 'text/html'],
    ['^TX^PDF', 'application/pdf'],
    ['^text^XML', 'text/xml'],
    ['^AP^XML', 'application/xml'],
    ['^image^JPEG', 'image/jpeg'],
    ['^application^vnd.custom', 'application/vnd.custom'],
    ['^^image/png', 'image/png'],
    ['^NS^', OCTETS],
    ['^ZZ^strange', OCTETS],
  ])('%s is %s', (text, mime) => {
    expect(read(contentTypeCodec(2, OCTETS), text, 1)).toBe(mime);
  });

  it('are written as type and subtype, and read the same', () => {
    for (const mime of ['text/xml', 'application/pdf', 'image/png', 'audio/basic']) {
      const tree = hl7Tree('');
      const place = tree.child('ZZZ').child(1);
      expect(contentTypeCodec(2).write(mime, place, startRun(CONTEXT).run)).toBe(true);
      expect(contentTypeCodec(2).read(place, startRun(CONTEXT).run)).toBe(mime);
    }
  });

  it('that the two parts cannot say are refused', () => {
    expect(
      contentTypeCodec(2).write('image/pdf', hl7Tree('').child('ZZZ').child(1), startRun(CONTEXT).run),
    ).toBe(false);
  });
});

describe('encapsulated data', () => {
  it.each([
    ['^^^Base64^aGVsbG8=', 'aGVsbG8='],
    ['^^^Base64^aGVs bG8=', 'aGVsbG8='],
    ['^^^Hex^68656c6c6f', 'aGVsbG8='],
    ['^^^A^hello', 'aGVsbG8='],
  ])('%s are read as base64', (text, data) => {
    expect(read(ED_DATA, text, 1)).toBe(data);
  });

  it.each(['^^^Base64^not base64!', '^^^Hex^6'])('%s are told to be none', (text) => {
    const { run, losses } = startRun(CONTEXT);
    expect(ED_DATA.read(segment(text).child(1), run)).toBeUndefined();
    expect(losses.map(({ kind }) => kind)).toEqual(['invalid']);
  });
});

describe('lengths of time', () => {
  const duration = durationCodec([1], [2], times);
  const end = offsetByDurationCodec({ from: [1], value: [2], unit: [3], sign: 1 }, times);
  const start = offsetByDurationCodec({ from: [1], value: [2], unit: [3], sign: -1 }, times);

  it('have units of UCUM', () => {
    expect(read(duration, '3|D')).toEqual({ value: 3, system: 'http://unitsofmeasure.org', code: 'd' });
    expect(read(duration, '3|tablets')).toBeUndefined();
    const tree = hl7Tree('');
    duration.write({ value: 3, code: 'wk' }, tree.child('ZZZ'), startRun(CONTEXT).run);
    expect(hl7Text(tree)).toBe('ZZZ|3|wk');
  });

  it.each([
    ['20260301|3|d', '2026-03-04'],
    ['202603011200|90|min', '2026-03-01T13:30:00+01:00'],
    // A day is 24 hours, also where the clocks are put forward.
    ['202603281200|1|d', '2026-03-29T13:00:00+02:00'],
    ['20260301|90|min', undefined],
    ['20260301|2|mo', undefined],
    ['soon|2|d', undefined],
  ])('%s end at %s', (text, at) => {
    expect(read(end, text)).toBe(at);
  });

  it('give the start, too', () => {
    expect(read(start, '20260301|1|wk')).toBe('2026-02-22');
  });
});

describe('times', () => {
  it('are instants from the minute on', () => {
    expect(read(MINUTE_INSTANT, '202603011230', 1)).toBe('2026-03-01T12:30:00+01:00');
    expect(read(MINUTE_INSTANT, '20260301', 1)).toBeUndefined();
  });

  it('that end before they start are told', () => {
    const codec = endAfterCodec([1], [2]);
    expect(read(codec, '20260301|20260302')).toBe('2026-03-02');
    expect(read(codec, '|20260302')).toBe('2026-03-02');
    const { run, losses } = startRun(CONTEXT);
    expect(codec.read(segment('20260303|20260302'), run)).toBeUndefined();
    expect(losses.map(({ kind }) => kind)).toEqual(['invalid']);
  });

  it('that are words stay words', () => {
    expect(read(NO_DATE, 'last winter', 1)).toBe('last winter');
    expect(read(NO_DATE, '20260301', 1)).toBeUndefined();
  });
});

describe('reference ranges', () => {
  it.each([
    ['NM|g^^UCUM|3.50 - 5.1', { low: '3.50', high: '5.1' }],
    ['NM|g^^UCUM|>=60', { low: '60' }],
    ['NM|g^^UCUM|<=0.5', { high: '0.5' }],
    ['NM|g^^UCUM|<5', {}],
    ['NM|g^^UCUM|9-2', {}],
    ['ST||negative', {}],
  ])('%s', (text, ends) => {
    const range = (read(RANGE, text) as { low?: Json; high?: Json; text: string }[])[0]!;
    const said = JSON.parse(JSON.stringify(range), (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? context?.source : value,
    ) as Record<string, { value: string; code: string }>;
    expect({
      ...(said['low'] && { low: said['low'].value }),
      ...(said['high'] && { high: said['high'].value }),
    }).toEqual(ends);
    expect(range.text).toBe(text.split('|')[2]);
  });

  it.each([
    ['NM|mg/dL|70^99', { text: '70^99' }],
    ['NM|mg/dL|>^11.0', { text: '>^11.0' }],
    ['NM||35-150^35^150', { low: { value: 35 }, high: { value: 150 }, text: '35-150^35^150' }],
  ])(
    '%s, put into components that the field does not have, are one text and go back as they came',
    (text, range) => {
      const tree = hl7Tree(`ZZZ|${text}`);
      const place = tree.child('ZZZ');
      const { run } = startRun(CONTEXT);
      const said = RANGE.read(place, run);
      expect(JSON.parse(JSON.stringify(said))).toEqual([range]);
      expect(RANGE.write(said, place, run)).toBe(true);
      expect(hl7Text(tree)).toBe(`ZZZ|${text}`);
    },
  );

  it('without words are written as numbers', () => {
    const tree = hl7Tree('ZZZ|NM|g');
    RANGE.write([{ low: { value: 1 }, high: { value: 2 } }], tree.child('ZZZ'), startRun(CONTEXT).run);
    expect(hl7Text(tree)).toBe('ZZZ|NM|g|1-2');
    expect(RANGE.write([{}, {}], tree.child('ZZZ'), startRun(CONTEXT).run)).toBe(false);
  });
});

describe('units', () => {
  const UNITS = unitCodec({ code: [1, 1], text: [1, 2], system: [1, 3] }, systems);

  it.each([
    ['10^3/uL', '10^3/uL'],
    ['10^9/L^UCUM', '10^9/L'],
    ['x10^6', 'x10^6'],
    ['10^-3 mol', '10^-3 mol'],
    ['10^IPV', 'IPV'],
    ['10', '10'],
    ['g^gram', 'gram'],
  ])('%s are %s: a power of ten whose ^ nobody escaped is no code with a name', (text, unit) => {
    const tree = hl7Tree(`ZZZ|${text}`);
    const place = tree.child('ZZZ');
    const { run } = startRun(CONTEXT);
    const said = UNITS.read(place, run);
    expect(said).toEqual({ unit });
    expect(UNITS.write(said, place, run)).toBe(true);
    expect(hl7Text(tree)).toBe(`ZZZ|${text}`);
  });

  it('that are a power of ten can be replaced', () => {
    const tree = hl7Tree('ZZZ|10^3/uL');
    expect(UNITS.write({ unit: '10^9/L' }, tree.child('ZZZ'), startRun(CONTEXT).run)).toBe(true);
    expect(UNITS.read(tree.child('ZZZ'), startRun(CONTEXT).run)).toEqual({ unit: '10^9/L' });
  });
});
