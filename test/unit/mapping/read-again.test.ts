import { describe, expect, it } from 'vitest';
import { typeOf } from '../../../adapters/hl7v2/message-type.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { readingTree } from '../../../adapters/hl7v2/reading-tree.ts';
import { createDay } from '../../../sandbox/feed/day.ts';
import { feedOf } from '../../../sandbox/feed/disturb.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { Json, Resource } from '../../../src/fhir/types.ts';
import { copyOf, createMemos, type Memo } from '../../../src/mapping/memo.ts';
import { messageOf } from '../../../src/mapping/message-of.ts';
import { readMessage } from '../../../src/mapping/read-message.ts';

const mappings = loadMappings('mappings');
const CONTEXT = {
  authorities: [{ name: 'HOSP', namespaces: ['HOSP'], system: 'urn:oid:2.999.1.1' }],
  timeZone: 'Europe/Berlin',
  defaultAuthority: 'HOSP',
};

/** Everything that reading tells, and what it had no home for. */
function told(bytes: Uint8Array, memo: Memo | undefined) {
  const message = parseMessage(bytes, {});
  const type = typeOf(message);
  const file = messageOf(mappings, type)!;
  const root = readingTree(message, file.group(message.segments.map(({ name }) => name)).root);
  const facts = { event: type.event, type: type.code };
  const { resources, identity, loss } = readMessage(file, root, { ...CONTEXT, facts, memo });
  const found = resources.map((one) => ({
    from: one.from,
    mode: one.mode,
    text: JSON.stringify(one.resource),
    resource: copyOf<Json>(one.resource ?? null) as Resource | null,
    told: one.told,
    loss: one.loss,
    segments: one.segments,
  }));
  // Whoever changes what he was given changes it for himself alone.
  for (const { resource } of resources) spoil(resource);
  return { found, identity, loss };
}

function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const child of Object.values(value)) spoil(child);
  if (!Array.isArray(value) && Object.isExtensible(value)) Object.assign(value, { spoilt: true });
}

const messages = feedOf(createDay({ patients: 12, seed: 3 })).map(({ bytes }) => bytes);
const ADT = (pid: string, pv1: string): Uint8Array =>
  Buffer.from(`MSH|^~\\&|ADT|EAST|FICUS|GATE|20260102100500||ADT^A08|M1|P|2.5.1\r${pid}\r${pv1}\r`);

describe('a memo of what was read before', () => {
  it.each([1_000_000, 40])('changes nothing of what a day of messages says (%i entries)', (most) => {
    const memo = createMemos(most);
    expect(messages.length).toBeGreaterThan(40);
    for (const round of [1, 2, 3])
      for (const [at, bytes] of messages.entries())
        expect(told(bytes, memo('x')), `message ${at}, round ${round}`).toEqual(told(bytes, undefined));
  });

  it('does not take a visit for the same when another segment that it asks for says something else', () => {
    const memo = createMemos(1000)('x');
    const pv1 = 'PV1|1|I|ICU^1||||||||||||||||V7^^^HOSP';
    const subject = (number: string): unknown =>
      told(ADT(`PID|1||${number}^^^HOSP||Doe`, pv1), memo).found.find(
        ({ resource }) => resource?.resourceType === 'Encounter',
      )?.resource?.['subject'];
    expect(subject('100')).toMatchObject({ reference: 'Patient/HOSP|100' });
    expect(subject('200')).toMatchObject({ reference: 'Patient/HOSP|200' });
    expect(subject('100')).toMatchObject({ reference: 'Patient/HOSP|100' });
  });

  it('tells a loss every time', () => {
    const memo = createMemos(1000)('x');
    const bytes = ADT('PID|1||100^^^HOSP||Doe||yesterday', 'PV1|1|N');
    const losses = (): unknown => told(bytes, memo).found.flatMap((one) => one.told);
    expect(losses()).toContainEqual(expect.objectContaining({ kind: 'invalid', path: 'PID-7' }));
    expect(losses()).toContainEqual(expect.objectContaining({ kind: 'invalid', path: 'PID-7' }));
  });

  it('finds what was read before', () => {
    const memo = createMemos(1000)('x');
    const bytes = ADT('PID|1||100^^^HOSP||Doe^Jo', 'PV1|1|N');
    told(bytes, memo);
    let found = 0;
    const watched: Memo = {
      ...memo,
      resources: {
        of(codec) {
          const shelf = memo.resources.of(codec);
          return {
            find(words) {
              const known = shelf.find(words);
              if (known) found += 1;
              return known;
            },
            keep: (words, value) => shelf.keep(words, value),
            worthwhile: () => shelf.worthwhile(),
          };
        },
      },
    };
    told(bytes, watched);
    expect(found).toBeGreaterThan(0);
  });
});
