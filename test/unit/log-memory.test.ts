import { expect, it } from 'vitest';
import { NOTHING_BOUND, lineOf } from '../../src/log-line.ts';
import { heldMiB } from './heap.ts';

/** A text of half a MiB that begins with a number. */
const long = (nth: number): string => Buffer.alloc(2 ** 19, `${nth} `.padStart(32)).toString('latin1');

it.each([
  ['a long name', (text: string) => text],
  ['a name that was cut out of a long text', (text: string) => text.slice(0, 32)],
])('keeps nothing of %s', (_what, nameOf) => {
  const before = heldMiB();
  for (let nth = 0; nth < 64; nth += 1) {
    const ack = nameOf(long(nth));
    const line = lineOf('info', 'Said', NOTHING_BOUND, { ack });
    expect(line.endsWith(`,"ack":"${ack}"}`)).toBe(true);
  }
  expect(heldMiB() - before).toBeLessThan(8);
});
