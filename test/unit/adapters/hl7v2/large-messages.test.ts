import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DELIMITERS } from '../../../../adapters/hl7v2/delimiters.ts';
import { locatePart, startOfValue } from '../../../../adapters/hl7v2/far-part.ts';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../../adapters/hl7v2/reading-tree.ts';
import { locate, valueStart } from '../../../../adapters/hl7v2/span.ts';
import type { Levels } from '../../../../adapters/hl7v2/span.ts';
import { Text } from '../../../../adapters/hl7v2/text.ts';
import { messageTree } from '../../../../adapters/hl7v2/tree.ts';
import type { SegmentGroup } from '../../../../src/mapping/structure.ts';
import type { TreeReader } from '../../../../src/mapping/tree.ts';

const HEADER = 'MSH|^~\\&|A|B|C|D|2025||ADT^A31|1|P|2.5\r';
/** What looks at everything before each part takes minutes; what does not, well under a second. */
const SOON_MS = 10_000;

function parse(text: string) {
  return parseMessage(Buffer.from(HEADER + text, 'latin1'));
}

/** All segments of a message in one group. */
function ungrouped(message: ReturnType<typeof parse>): SegmentGroup {
  const segments = Map.groupBy(message.segments.keys(), (index) => message.segments[index]!.name);
  return { name: '', parent: undefined, segments, groups: new Map() };
}

/** What work gives, when that is soon. */
function soon<T>(work: () => T): T {
  const started = performance.now();
  const result = work();
  expect(performance.now() - started).toBeLessThan(SOON_MS);
  return result;
}

const READERS: readonly [string, (message: ReturnType<typeof parse>) => TreeReader][] = [
  ['the tree to read', (message) => readingTree(message, ungrouped(message))],
  ['the tree to write', (message) => messageTree(message)],
];

describe('a part far behind the first', () => {
  it('is where counting off from the first one finds it', () => {
    const place = fc.integer({ min: 1, max: 40 });
    const level = fc.option(place, { nil: undefined });
    const bytes = fc.string({ unit: fc.constantFrom('~', '~', '^', '&', 'a'), maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.array(fc.tuple(place, level, level), { minLength: 1 }), (raw, places) => {
        const scan = Buffer.from(raw);
        const text = new Text(scan, scan, true);
        const { codes } = DEFAULT_DELIMITERS;
        for (const [nth, component, subcomponent] of places) {
          const [two, three] = [component ?? 1, subcomponent ?? 1];
          expect(startOfValue(text, 0, scan.length, codes, nth, two, three)).toBe(
            valueStart(scan, 0, scan.length, codes, nth, two, three),
          );
          const levels: Levels = [nth, component, component && subcomponent];
          expect(locatePart(text, 0, scan.length, DEFAULT_DELIMITERS, levels)).toEqual(
            locate(scan, 0, scan.length, DEFAULT_DELIMITERS, levels),
          );
        }
      }),
    );
  });

  it.each([
    ['repetitions', '~', (field: TreeReader, nth: number) => field.child(3, nth - 1).child(1)],
    ['components', '^', (field: TreeReader, nth: number) => field.child(3).child(nth)],
    ['subcomponents', '&', (field: TreeReader, nth: number) => field.child(3).child(1).child(nth)],
  ] as const)('of %s costs no more than the first', (_parts, separator, partOf) => {
    const values = Array.from({ length: 60_000 }, (_, index) => `\\F\\${index}`);
    const message = parse(`PID|1||${values.join(separator)}\r`);
    for (const [, treeOf] of READERS) {
      const read = soon(() => {
        const segment = treeOf(message).child('PID');
        return values.map((_, index) => partOf(segment, index + 1).text());
      });
      expect(read).toEqual(values.map((value) => value.replace('\\F\\', '|')));
    }
  });

  it('that is not there costs no more either', () => {
    const count = 60_000;
    const message = parse(`PID|1||${'abcdefghi^abcdefghi~'.repeat(count)}\r`);
    const segment = message.segment('PID')!;
    const absent = soon(() => {
      let found = 0;
      for (let nth = 1; nth <= count; nth++) if (segment.written(3, nth, 9) === undefined) found++;
      return found;
    });
    expect(absent).toBe(count);
  });

  it('is changed there and nowhere else', () => {
    const values = Array.from({ length: 50 }, (_, index) => `a${index}^b`);
    const message = parse(`PID|1||${values.join('~')}\r`);
    message.set('PID-3[40].2', 'c');
    message.set('PID-3[41].2', 'd');
    message.set('PID-3[52].2', 'e');
    const changed = values.with(39, 'a39^c').with(40, 'a40^d');
    expect(message.toBytes().toString()).toBe(`${HEADER}PID|1||${changed.join('~')}~~^e\r`);
    expect([message.get('PID-3[41].2'), message.get('PID-3[50]')]).toEqual(['d', 'a49']);
  });
});

it.each(READERS)('fields and repetitions have no highest number: %s', (_name, treeOf) => {
  const message = parse(`PID|1||${'a~'.repeat(10_500)}b&c${'|x'.repeat(10_500)}\r`);
  const segment = treeOf(message).child('PID');
  expect(segment.steps().at(-1)).toBe(10_503);
  expect(segment.count(3)).toBe(10_501);
  expect(segment.child(3, 10_500).filled()).toBe(true);
  expect(segment.child(3, 10_500).child(1).child(2).text()).toBe('c');
});

it.each(READERS)('each of a great many segments is named by its place: %s', (_name, treeOf) => {
  const message = parse(`PID|1\r${'NK1|1\r'.repeat(60_000)}`);
  const places = soon(() => {
    const root = treeOf(message);
    return Array.from({ length: root.count('NK1') }, (_, index) => root.child('NK1', index).location());
  });
  expect([places.length, places[0], places[59_999]]).toEqual([60_000, 'NK1', 'NK1[60000]']);
});

it('a segment that was put in moves the places of those behind it', () => {
  const message = parse('PID|1\rNK1|1\rNK1|2\r');
  const second = message.all('NK1')[1]!;
  expect(message.nth(second)).toBe(2);
  message.insert(2, ['NK1', { 1: '0' }]);
  expect(message.nth(second)).toBe(3);
});
