import { describe, expect, it } from 'vitest';
import { parseDial } from '../../../sandbox/faults/dial.ts';
import { isTouched, PLANTED } from '../../../sandbox/faults/planted/index.ts';
import type { PlantedFault } from '../../../sandbox/faults/planted/fault.ts';
import { createSwitchboard } from '../../../sandbox/faults/switchboard.ts';
import { parseJson, type Resource } from '../../../sandbox/modern/json.ts';

const GLUCOSE = '"code":{"coding":[{"code":"GLU"},{"system":"http://loinc.org","code":"14749-6"}]}';
const SODIUM = '"code":{"coding":[{"system":"http://loinc.org","code":"2951-2"}]}';
const quantity = (value: string, unit: string): string =>
  `"valueQuantity":{"value":${value},"unit":"${unit}","system":"http://unitsofmeasure.org","code":"${unit}"}`;
const resource = (...parts: string[]): Resource =>
  parseJson(`{"resourceType":"Observation","id":"x",${parts.join(',')}}`) as Resource;
const of = (name: keyof typeof PLANTED): PlantedFault => PLANTED[name];

// A new case is a row: fault, what is stored, what is answered.
const CASES: readonly (readonly [keyof typeof PLANTED, string[], string[]])[] = [
  ['wrong-unit', [GLUCOSE, quantity('5.40', 'mmol/L')], [GLUCOSE, quantity('5.40', 'mg/dL')]],
  ['wrong-unit', [GLUCOSE, quantity('98', 'mg/dL')], [GLUCOSE, quantity('98', 'mmol/L')]],
  [
    'utc-without-offset',
    ['"effectiveDateTime":"2026-06-11T09:58:00+02:00"'],
    ['"effectiveDateTime":"2026-06-11T07:58:00"'],
  ],
  [
    'utc-without-offset',
    ['"issued":"2026-01-01T00:30:00.250+01:00"'],
    ['"issued":"2025-12-31T23:30:00.250"'],
  ],
  [
    'utc-without-offset',
    ['"effectivePeriod":{"start":"2026-06-11","end":"2026-06-12T08:00:00Z"}'],
    ['"effectivePeriod":{"start":"2026-06-11","end":"2026-06-12T08:00:00"}'],
  ],
  ['final-for-amended', ['"status":"amended"', GLUCOSE], ['"status":"final"', GLUCOSE]],
  ['trimmed-zeros', [quantity('1.50', 'kg')], [quantity('1.5', 'kg')]],
];

describe('planted faults', () => {
  it.each(CASES)('%s turns %j into %j', (name, stored, answered) => {
    expect(JSON.stringify(of(name).resource?.(resource(...stored)))).toBe(
      JSON.stringify(resource(...answered)),
    );
  });

  it.each([
    ['wrong-unit', [SODIUM, quantity('140', 'mmol/L')]],
    ['wrong-unit', [GLUCOSE, quantity('5', '%')]],
    ['wrong-unit', [GLUCOSE, '"valueString":"5.4 mmol/L"']],
    ['utc-without-offset', ['"effectiveDateTime":"2026-06-11"']],
    ['final-for-amended', ['"status":"corrected"']],
    ['trimmed-zeros', [quantity('1.5', 'kg')]],
  ] as const)('%s leaves %j the same object', (name, parts) => {
    const stored = resource(...parts);
    expect(of(name).resource?.(stored)).toBe(stored);
  });

  it('of a page change its order, or what is on it', () => {
    expect(of('other-order').page?.([1, 2, 3])).toEqual([3, 2, 1]);
    expect(of('lost-entries').page?.([1, 2, 3])).toEqual([1, 2]);
  });

  it('touch always the same share of the resources, by the number that the hospital gave', () => {
    const numbered = (number: number, id: string): Resource =>
      resource(`"identifier":[{"value":"R${number}"}]`, `"meta":{"source":"${id}"}`);
    const touched = (percent: number, id: string): number[] =>
      Array.from({ length: 5_000 }, (_, i) => i).filter((i) =>
        isTouched('wrong-unit', percent, numbered(i, id)),
      );
    const one = touched(1, 'a');
    expect(one.length).toBeGreaterThan(25);
    expect(one.length).toBeLessThan(80);
    expect(touched(1, 'b')).toEqual(one);
    expect(touched(5, 'a')).toEqual(expect.arrayContaining(one));
    expect(touched(100, 'a')).toHaveLength(5_000);
  });
});

describe('a dial of a planted fault', () => {
  const input = (more: object): ReturnType<typeof parseDial> => parseDial({ protocol: 'modern', ...more });

  it('has the share of its catalogue entry when none is said', () => {
    expect(input({ fault: 'wrong-unit' }).percent).toBe(1);
    expect(input({ fault: 'wrong-unit', percent: 20 }).percent).toBe(20);
    expect(input({ fault: 'other-order' }).percent).toBe(100);
  });

  it.each([0, -1, 101, '30'])('refuses the share %j', (percent) => {
    expect(() => input({ fault: 'wrong-unit', percent })).toThrow('percent: a number above 0, at most 100');
  });

  it('works on the modern service only', () => {
    expect(() => parseDial({ protocol: 'mllp', fault: 'wrong-unit' })).toThrow('works on modern only');
  });

  it('stands beside others and beside a fault of the wire, and is counted', async () => {
    const board = createSwitchboard();
    board.set(input({ fault: 'wrong-unit', operation: 'Observation.search' }));
    board.set(input({ fault: 'other-order' }));
    board.set(input({ fault: 'status' }));
    const faults = board.planted('modern', 'Observation.search').map(({ fault }) => fault);
    expect(faults).toEqual(['wrong-unit', 'other-order']);
    expect(board.planted('modern', 'Observation.read').map(({ fault }) => fault)).toEqual(['other-order']);
    expect((await board.take('modern', 'Observation.search'))?.fault).toBe('status');
    expect(board.list().map(({ fault, hits }) => [fault, hits])).toEqual([
      ['wrong-unit', 1],
      ['other-order', 2],
      ['status', 1],
    ]);
  });
});

describe('a dial that takes a share of the messages', () => {
  it('takes about that many, the same ones each time, and lets an older dial have the rest', async () => {
    const draw = async (): Promise<(string | undefined)[]> => {
      const board = createSwitchboard();
      board.set(parseDial({ protocol: 'modern', fault: 'garbage' }));
      board.set(parseDial({ protocol: 'modern', fault: 'status', percent: 30 }));
      const taken: (string | undefined)[] = [];
      for (let i = 0; i < 1_000; i += 1) taken.push((await board.take('modern', 'X'))?.fault);
      return taken;
    };
    const first = await draw();
    expect(first.filter((fault) => fault === 'status').length).toBeGreaterThan(250);
    expect(first.filter((fault) => fault === 'status').length).toBeLessThan(350);
    expect(first.filter((fault) => fault === undefined)).toEqual([]);
    expect(await draw()).toEqual(first);
  });

  it('is not a thing of connections', () => {
    expect(() => parseDial({ protocol: 'modern', fault: 'down', percent: 30 })).toThrow(
      'down: concerns connections',
    );
  });
});
