import { Hl7Message } from '@medplum/core';
import * as fc from 'fast-check';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../../adapters/hl7v2/parse.ts';

interface StandardMessage {
  transform(): void;
  get(path: string): string | undefined;
}
const HL7Standard = createRequire(import.meta.url)('hl7-standard') as new (text: string) => StandardMessage;

/** Plain words: what all three read alike (hl7-standard knows no escapes and one set of delimiters). */
const word = fc
  .string({ unit: fc.constantFrom(...Array.from('ABCxyz019 .-')), minLength: 1, maxLength: 8 })
  .filter((text) => text.trim() === text);
const maybe = fc.oneof({ weight: 3, arbitrary: word }, { weight: 1, arbitrary: fc.constant('') });
const subcomponents = fc.array(maybe, { minLength: 1, maxLength: 3 }).map((list) => list.join('&'));
const components = fc.array(subcomponents, { minLength: 1, maxLength: 4 }).map((list) => list.join('^'));
const repetitions = fc.array(components, { minLength: 1, maxLength: 3 }).map((list) => list.join('~'));
const fields = fc.array(fc.oneof(repetitions, fc.constant('')), { minLength: 1, maxLength: 12 });
const names = fc.constantFrom('PID', 'OBX', 'NTE', 'ZAB');
const body = fc.array(
  fc.tuple(names, fields).map(([name, list]) => `${name}|${list.join('|')}`),
  { minLength: 1, maxLength: 6 },
);
const message = body.map((segments) =>
  ['MSH|^~\\&|A|B|C|D|20250101||ADT^A08|1|P|2.5', ...segments].join('\r'),
);

describe('against @medplum/core', () => {
  it('reads every subcomponent alike', () => {
    fc.assert(
      fc.property(message, (text) => {
        const peer = Hl7Message.parse(text);
        const ours = parseMessage(Buffer.from(text));
        expect(ours.segments.length).toBe(peer.segments.length);
        for (const [index, segment] of ours.segments.entries()) {
          const other = peer.segments[index]!;
          expect(segment.name).toBe(other.name);
          if (segment.name === 'MSH') continue;
          for (let field = 1; field <= segment.fieldCount; field++) {
            const parts = other.getField(field).components;
            expect(segment.repetitions(field)).toBe(parts.length);
            for (const [repetition, list] of parts.entries()) {
              expect(segment.components(field, repetition + 1)).toBe(list.length);
              for (const [component, part] of list.entries()) {
                for (const [subcomponent, leaf] of part.split('&').entries()) {
                  expect(segment.value(field, repetition + 1, component + 1, subcomponent + 1)).toBe(leaf);
                }
              }
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('writes the same edit alike', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 3, max: 9 }), word, (text, field, value) => {
        const peer = Hl7Message.parse(text);
        peer.getSegment('MSH')!.setField(field, value);
        const ours = parseMessage(Buffer.from(text));
        ours.replace({ segment: 'MSH', field }, value);
        expect(ours.toBytes().toString()).toBe(peer.toString());
      }),
    );
  });

  it('is not followed where it leaves escapes undecoded', () => {
    const text = 'MSH|^~\\&|A|B|C|D|20250101||ADT^A08|1|P|2.5\rPID|1||x\\T\\y';
    expect(Hl7Message.parse(text).getSegment('PID')!.getField(3).getComponent(1)).toBe('x\\T\\y');
    expect(parseMessage(Buffer.from(text)).get('PID-3')).toBe('x&y');
  });
});

describe('against hl7-standard', () => {
  /** Where it is right: fields, components and the first of everything, in messages of the plain delimiters without subcomponents. */
  it('reads plain components alike', () => {
    const plainComponents = fc.array(maybe, { minLength: 2, maxLength: 4 }).map((list) => list.join('^'));
    const plain = fc.array(fc.oneof(word, plainComponents), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(plain, (list) => {
        const text = `MSH|^~\\&|A|B|C|D|20250101||ADT^A08|1|P|2.5\rPID|${list.join('|')}\r`;
        const peer = new HL7Standard(text);
        peer.transform();
        const ours = parseMessage(Buffer.from(text));
        for (const [index, field] of list.entries()) {
          for (const component of field.split('^').keys()) {
            const theirs = peer.get(`PID.${index + 1}.${component + 1}`);
            expect(ours.value('PID', index + 1, 1, component + 1)).toBe(theirs ?? '');
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
