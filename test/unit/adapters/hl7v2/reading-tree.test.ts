import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../../adapters/hl7v2/message.ts';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../../adapters/hl7v2/reading-tree.ts';
import { messageTree } from '../../../../adapters/hl7v2/tree.ts';
import { compileStructure } from '../../../../src/mapping/structure.ts';
import type { TreeReader } from '../../../../src/mapping/tree.ts';
import { readCases } from './case-file.ts';

const FOLDER = join(import.meta.dirname, '../../../../fixtures/hl7v2/codec');

const grouped = compileStructure([
  'MSH',
  'EVN?',
  { group: 'PATIENT*', of: ['PID', 'PD1?', 'NK1*', { group: 'VISIT?', of: ['PV1', 'PV2?'] }] },
]);

/** What can be asked of a place: an error of the codec as its code. */
function saidOf(place: TreeReader): unknown {
  try {
    return [place.text(), place.filled(), place.filledParts?.(), place.steps(), place.location()];
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** Everything a tree says, each place by its path; three parts more than there are, at every level. */
function everything(message: Message, tree: TreeReader, group: TreeReader = tree): Map<string, unknown> {
  const all = new Map<string, unknown>();
  const below = (place: TreeReader, path: string, depth: number): void => {
    all.set(path, saidOf(place));
    if (depth < 3)
      for (let part = 1; part <= 4; part += 1) below(place.child(part), `${path}.${part}`, depth + 1);
  };
  for (const name of new Set(message.segments.map((segment) => segment.name))) {
    for (let index = 0; index <= group.count(name); index += 1) {
      const segment = group.child(name, index);
      all.set(`${name}[${index}]`, saidOf(segment));
      for (let field = 1; field <= 14; field += 1) {
        all.set(`${name}[${index}]-${field}`, [segment.count(field), segment.holds?.(field)]);
        for (let repetition = 0; repetition <= segment.count(field); repetition += 1)
          below(segment.child(field, repetition), `${name}[${index}]-${field}[${repetition}]`, 1);
      }
    }
  }
  return all;
}

function compare(message: Message): void {
  const { root } = grouped(message.segments.map(({ name }) => name));
  const [reading, writable] = [readingTree(message, root), messageTree(message, root)];
  expect(everything(message, reading)).toEqual(everything(message, writable));
  for (let index = 0; index < writable.count('PATIENT'); index += 1) {
    const [ours, theirs] = [reading.child('PATIENT', index), writable.child('PATIENT', index)];
    expect(saidOf(ours)).toEqual(saidOf(theirs));
    expect(everything(message, reading, ours)).toEqual(everything(message, writable, theirs));
  }
}

/** Shapes that the codec's own cases have not. */
const AWKWARD = [
  'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5',
  'EVN||""~',
  'PID|1|&|a&b|^|~|""|^""&x~""&""|\\T\\&\\S\\^c',
  'NK1|1|^^&~&',
  'NK1|2|&&^',
].join('\r');

describe('a tree that is only read', () => {
  const cases = readCases(FOLDER).filter(({ expectations }) =>
    expectations.every(({ kind }) => kind !== 'fails'),
  );

  it('says what the writable one says: parts of nothing, deletions and escapes', () => {
    compare(parseMessage(Buffer.from(AWKWARD)));
  });

  it('says what the writable one says: more parts than bits, in bytes that are their characters and in others', () => {
    const many = Array.from({ length: 40 }, (_, at) => (at % 3 === 0 ? '' : `p${at}`));
    for (const text of ['Eve', 'Zoë', '\u{1F33F}']) {
      const header = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5|||||||UNICODE UTF-8';
      const segment = `PID|${many.join('^')}|${text}^${many.join('&')}~${text}|\\T\\${text}&${text}^""|"${text}"|""`;
      compare(parseMessage(Buffer.from(`${header}\r${segment}`)));
    }
  });

  it('says what the writable one says, whatever the delimiters and the character set are', () => {
    const field = fc
      .array(fc.constantFrom(...'^~&\\@*%!a"'.split(''), '""', '\\T\\', '%T%', 'ë', 'ソ', ''), {
        maxLength: 9,
      })
      .map((texts) => texts.join(''));
    const delimiters = fc.constantFrom('^~\\&', '@*%!', '~^&\\', '^~', '^^^^', '"^~\\');
    fc.assert(
      fc.property(delimiters, fc.array(field, { maxLength: 4 }), fc.boolean(), (named, fields, utf8) => {
        const header = `MSH|${named}|A|B|C|D|20260101||ADT|1|P|2.5`;
        const bytes = Buffer.from(
          [header, ['PID', ...fields].join('|')].join('\r'),
          utf8 ? 'utf8' : 'latin1',
        );
        compare(parseMessage(bytes, { charset: utf8 ? 'UNICODE UTF-8' : '8859/1' }));
      }),
      { numRuns: 20 },
    );
  });

  it('reads lines with odd names: none, and one that only begins as a header', () => {
    const lines = ['MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5', 'PID|1', '|x', 'FHSA|a~b|c'];
    const message = parseMessage(Buffer.from(lines.join('\r')));
    const { root } = grouped(message.segments.map(({ name }) => name));
    const group = readingTree(message, root).child('PATIENT');
    expect(group.child('').child(1).text()).toBe('x');
    const header = group.child('FHSA');
    expect(header.steps()).toEqual([1, 2, 3]);
    expect([1, 2, 3].map((field) => header.child(field).text())).toEqual(['|', 'a', 'c']);
  });

  it('tells segments apart whose name is hidden in its character set', () => {
    const odd = '\x83\x5eB|1';
    const text = ['MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5', 'PID|1', odd, odd].join('\r');
    const message = parseMessage(Buffer.from(text, 'latin1'), { charset: 'BIG-5' });
    expect(message.segments.map((segment) => message.nth(segment))).toEqual([1, 1, 1, 2]);
  });

  it.each(cases.map((one) => [one.what, one] as const))(
    'says what the writable one says: %s',
    (_what, one) => {
      const { charset, defaultCharset, message } = one;
      compare(
        parseMessage(message, {
          ...(charset ? { charset } : {}),
          ...(defaultCharset ? { defaultCharset } : {}),
        }),
      );
    },
  );
});
