import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/fhir/types.ts';
import { createMemoryTree } from '../../../src/mapping/memory-tree.ts';
import { startRun } from '../../../src/mapping/run.ts';
import { VIA } from '../../../src/mapping/via.ts';
import { compileWith, CONTEXT, hl7Text, hl7Tree } from './support.ts';

const set = compileWith();
const codecOf = (name: string, paths: Record<string, string> = {}) =>
  VIA[name]!({
    syntax: Object.keys(paths).length > 0 ? 'xml' : 'v2',
    codes: (codes) => set.codes.get(codes),
    map: (map) => set.maps.get(map),
    path: (parameter) => paths[parameter]!.split('/'),
    step: 1,
  });

/** What a pair reads from a field, and what it writes for that into an empty one. */
function both(name: string, field: string): { value: Json | undefined; written: string; lost: string[] } {
  const { run, losses } = startRun(CONTEXT);
  const value = codecOf(name).read(hl7Tree(`ZZZ|${field}`).child('ZZZ').child(1), run);
  const fresh = hl7Tree('');
  if (value !== undefined) codecOf(name).write(value, fresh.child('ZZZ').child(1), run);
  return { value, written: hl7Text(fresh).replace('ZZZ|', ''), lost: losses.map(({ kind }) => kind) };
}

describe('hd-system', () => {
  it.each([
    ['HOSP', 'urn:oid:1.2.3', 'HOSP&1.2.3&ISO', []],
    ['HOSP&1.2.3&ISO', 'urn:oid:1.2.3', 'HOSP&1.2.3&ISO', []],
    ['LAB', 'https://lab.example/ids', 'LAB', []],
    ['&1.2.99&ISO', 'urn:oid:1.2.99', '&1.2.99&ISO', ['unknown-authority']],
    ['NOBODY', undefined, '', ['unknown-authority']],
    ['HOSP&1.2.99&ISO', 'urn:oid:1.2.99', '&1.2.99&ISO', ['unknown-authority']],
    ['&not an oid&ISO', undefined, '', ['unknown-authority']],
  ])('%s', (field, value, written, lost) => {
    // An HD as a component: its parts are subcomponents.
    expect(both('hd-system', field.replaceAll('&', '^'))).toEqual({
      value,
      written: written.replaceAll('&', '^'),
      lost,
    });
  });
});

describe('coding-system', () => {
  it.each([
    ['LN', 'http://loinc.org', 'LN'],
    ['HL70001', 'http://terminology.hl7.org/CodeSystem/v2-0001', 'HL70001'],
    ['2.16.840.1.113883.6.1', 'urn:oid:2.16.840.1.113883.6.1', '2.16.840.1.113883.6.1'],
    ['https://codes.example', 'https://codes.example', 'https://codes.example'],
  ])('%s', (field, value, written) => {
    expect(both('coding-system', field)).toEqual({ value, written, lost: [] });
  });

  it('reports a name that it does not know', () => {
    expect(both('coding-system', '99LOCAL')).toEqual({
      value: undefined,
      written: '',
      lost: ['unknown-system'],
    });
  });
});

describe('pl-identifier', () => {
  it.each(['ICU^301^B^HOSP', 'ICU&1.2.3&ISO^^B', '^^^^^^West^4'])('%s', (field) => {
    expect(both('pl-identifier', field)).toEqual({ value: field, written: field, lost: [] });
  });

  it('keeps separators inside a part', () => {
    const tree = createMemoryTree('hl7');
    tree.child('ZZZ').child(1).child(2).set('3^0&1%');
    const { run } = startRun(CONTEXT);
    const value = codecOf('pl-identifier').read(tree.child('ZZZ').child(1), run);
    expect(value).toBe('^3%5E0%261%25');
    const fresh = createMemoryTree('hl7');
    codecOf('pl-identifier').write(value, fresh.child('ZZZ').child(1), run);
    expect(fresh.child('ZZZ').child(1).child(2).text()).toBe('3^0&1%');
  });
});

describe('xpn-text', () => {
  it('reads given names first, unless XPN.11 asks for the family name', () => {
    expect(both('xpn-text', 'Doe^Jane^Mary^III^Dr').value).toBe('Dr Jane Mary Doe III');
    expect(both('xpn-text', 'Doe^Jane^Mary^III^Dr^^^^^^F').value).toBe('Dr Doe Mary Jane III');
  });

  it('writes a text as it is', () => {
    expect(both('xpn-text', 'Doe^Jane').written).toBe('Jane Doe');
  });
});

describe('a date and a time in two places', () => {
  const paths = { date: 'Date', time: 'Time', minutes: 'Minutes' };
  const read = (name: string, texts: Record<string, string>) => {
    const tree = createMemoryTree('xml');
    for (const [step, text] of Object.entries(texts)) tree.child(step).set(text);
    const { run, losses } = startRun(CONTEXT);
    return { value: codecOf(name, paths).read(tree, run), lost: losses.length };
  };

  it('are one instant in the zone of the facility', () => {
    expect(read('instant-of-date-and-time', { Date: '2026-07-01', Time: '09:30' }).value).toBe(
      '2026-07-01T09:30:00+02:00',
    );
    expect(read('instant-of-date-and-time', { Date: '2026-07-01' }).value).toBeUndefined();
    expect(read('date-and-time', { Date: '2026-07-01' }).value).toBe('2026-07-01');
    expect(read('date-and-time', { Date: '2026-02-30', Time: '09:30' })).toEqual({
      value: undefined,
      lost: 1,
    });
  });

  it('end by a number of minutes, across a clock change', () => {
    expect(read('end-by-minutes', { Date: '2026-10-25', Time: '01:30', Minutes: '120' }).value).toBe(
      '2026-10-25T02:30:00+01:00',
    );
    expect(read('end-by-minutes', { Date: '2026-07-01', Time: '09:30', Minutes: 'x' }).value).toBeUndefined();
  });

  it('are written to the minute, or not at all', () => {
    const tree = createMemoryTree('xml');
    const { run } = startRun(CONTEXT);
    expect(codecOf('instant-of-date-and-time', paths).write('2026-07-01T07:30:00Z', tree, run)).toBe(true);
    expect(codecOf('end-by-minutes', paths).write('2026-07-01T08:15:00Z', tree, run)).toBe(true);
    expect(['Date', 'Time', 'Minutes'].map((step) => tree.child(step).text())).toEqual([
      '2026-07-01',
      '09:30',
      '45',
    ]);
    expect(codecOf('instant-of-date-and-time', paths).write('2026-07-01T07:30:30Z', tree, run)).toBe(false);
    expect(codecOf('end-by-minutes', paths).write('2026-07-01T07:00:00Z', tree, run)).toBe(false);
  });
});
