import { describe, expect, it } from 'vitest';
import {
  formatFhirDateTime,
  formatHl7DateTime,
  formatXmlDateTime,
  parseFhirTime,
  parseHl7Time,
  parseXmlTime,
} from '../../../src/mapping/time.ts';
import { offsetOfLocal } from '../../../src/mapping/zone.ts';

const ZONE = 'Europe/Berlin';

describe('an HL7 timestamp', () => {
  it.each([
    ['1980', '1980'],
    ['198003', '1980-03'],
    ['19800315', '1980-03-15'],
    ['1980031512', '1980-03-15T12:00:00+01:00'],
    ['198003151230', '1980-03-15T12:30:00+01:00'],
    ['20260701123005.2500', '2026-07-01T12:30:05.2500+02:00'],
    ['20260701123005-0500', '2026-07-01T12:30:05-05:00'],
    ['20260701120000+0000', '2026-07-01T12:00:00+00:00'],
    ['20260701120000-0000', '2026-07-01T12:00:00+00:00'],
    ['20260701123005.2-0330', '2026-07-01T12:30:05.2-03:30'],
    ['1980+0100', '1980'],
    ['20240229', '2024-02-29'],
    ['20261231235960', '2026-12-31T23:59:60+01:00'],
  ])('%s is %s', (text, fhir) => {
    expect(formatFhirDateTime(parseHl7Time(text)!, ZONE)).toBe(fhir);
  });

  it.each([
    '',
    '80',
    '19801',
    '19801301',
    '19800230',
    '20250229',
    '1980031525',
    '1980-03-15',
    '19800315 1230',
    '00000101',
    '19000229',
    '20260431',
    '202607011230051',
    '198003151230.5',
    '20260701123005.',
    '20260701123005.12345',
    '20260701123005+010',
    '20260701123005+01000',
    '20260701123005+1500',
    '19800315\n',
    '+0100',
    '１９８０',
  ])('refuses %j', (text) => expect(parseHl7Time(text)).toBeUndefined());
});

describe('a FHIR dateTime', () => {
  it.each([
    ['1980', '1980'],
    ['1980-03', '198003'],
    ['1980-03-15T12:30:00+01:00', '19800315123000'],
    ['2026-07-01T10:00:00Z', '20260701120000'],
    ['2026-01-01T00:30:00+02:00', '20251231233000'],
    ['2026-10-25T02:30:00+02:00', '20261025023000'],
    ['2026-10-25T02:30:00+01:00', '20261025023000+0100'],
  ])('%s is written as %s', (fhir, text) => {
    expect(formatHl7DateTime(parseFhirTime(fhir)!, ZONE)).toBe(text);
  });

  it('keeps the instant through HL7 and XML, in every hour around the clock changes', () => {
    for (const start of [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25)]) {
      for (let minutes = -180; minutes < 360; minutes += 30) {
        const instant = new Date(start + minutes * 60_000);
        const fhir = instant.toISOString().replace(/\.\d+Z/, 'Z');
        const time = parseFhirTime(fhir)!;
        const viaHl7 = formatFhirDateTime(parseHl7Time(formatHl7DateTime(time, ZONE))!, ZONE);
        const viaXml = formatFhirDateTime(parseXmlTime(formatXmlDateTime(time, ZONE))!, ZONE);
        expect([new Date(viaHl7), new Date(viaXml)]).toEqual([instant, instant]);
      }
    }
  });
});

describe('a zone', () => {
  it.each([
    ['Europe/Berlin', 1, 60],
    ['Europe/Berlin', 7, 120],
    ['America/New_York', 7, -240],
    ['Asia/Kolkata', 7, 330],
    ['Australia/Lord_Howe', 1, 660],
    ['UTC', 7, 0],
  ])('%s in month %i is %i minutes east', (zone, month, offset) => {
    expect(offsetOfLocal(zone, { year: 2026, month, day: 15, hour: 12, minute: 0 })).toBe(offset);
  });

  it('that does not exist is refused', () => {
    expect(() => offsetOfLocal('Mars/Olympus', { year: 2026, month: 1, day: 1, hour: 0, minute: 0 })).toThrow(
      RangeError,
    );
  });
});
