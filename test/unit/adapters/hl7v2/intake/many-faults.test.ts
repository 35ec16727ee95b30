import { expect, it } from 'vitest';
import { examine } from '../../../../../adapters/hl7v2/intake/examine.ts';
import { EVN, PID, PV1, messageOf, profileOf, types } from './support.ts';

// Whoever sends a message that is wrong thousands of times over costs no more than one who sends a long message: only the faults that are told are described.

const COUNT = 20_000;
const facts = { at: 0, types, certificateAllowed: true };

it.each([
  { what: 'segments out of their place', segment: 'PID|1||7', text: 'PID has no place', level: 'error' },
  { what: 'bytes that do not decode', segment: 'OBX|1|ST|\xff', text: 'OBX-3 holds a byte', level: 'error' },
])('tells the first twenty of $what', ({ segment, text, level }) => {
  const many = Array.from({ length: COUNT }, () => segment);
  const bytes = Buffer.from(messageOf({}, [EVN, PID, PV1, ...many]), 'latin1');
  const from = performance.now();
  const { refusal } = examine(bytes, profileOf({ strictness: 'strict' }), facts);
  expect(performance.now() - from).toBeLessThan(3_000);
  expect(refusal).toMatchObject({ level });
  expect(refusal!.faults).toHaveLength(20);
  const [first] = refusal!.faults;
  expect(first.text).toContain(text);
  expect(refusal!.faults.map(({ place }) => place.occurrence)).toEqual(
    Array.from({ length: 20 }, (_, nth) => nth + first.place.occurrence!),
  );
});
