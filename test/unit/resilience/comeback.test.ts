import { expect, it } from 'vitest';
import { createComeback } from '../../../src/resilience/comeback.ts';
import { createTestClock, until } from '../events/feed/support.ts';

function scene() {
  const clock = createTestClock();
  const said: string[] = [];
  let fails = 0;
  const comeback = createComeback({
    clock,
    pause: { first: 10, most: 40 },
    async begin() {
      said.push(`begin ${clock.now()}`);
      if (fails-- > 0) throw new Error('not yet');
    },
    onFailure: (error) => said.push((error as Error).message),
    onReturn: () => said.push('there'),
  });
  return { clock, said, comeback, failing: (times: number) => void (fails = times) };
}

/** Lets what is due be done, a millisecond after the other. */
async function pass(clock: { advance(ms: number): void }, ms: number): Promise<void> {
  await new Promise(setImmediate);
  for (let at = 0; at < ms; at += 1) {
    clock.advance(1);
    await new Promise(setImmediate);
  }
}

it('begins again what was lost, less and less often until it lasts', async () => {
  const { clock, said, comeback, failing } = scene();
  failing(3);
  comeback.lost();
  expect(comeback.away).toBe(true);
  await pass(clock, 200);
  expect(said).toEqual([
    'begin 10',
    'not yet',
    'begin 30',
    'not yet',
    'begin 70',
    'not yet',
    'begin 110',
    'there',
  ]);
  expect(comeback.away).toBe(false);
  // It has lasted for longer than the longest pause.
  comeback.lost();
  await pass(clock, 20);
  expect(said.slice(-2)).toEqual(['begin 210', 'there']);
  // It has not.
  comeback.lost();
  await pass(clock, 15);
  expect(comeback.away).toBe(true);
  await pass(clock, 10);
  expect(said.slice(-2)).toEqual(['begin 240', 'there']);
});

it('waits until nothing is left of what was before', async () => {
  const { clock, said, comeback } = scene();
  let gone = (): void => {};
  comeback.lost(new Promise((resolve) => (gone = resolve)));
  await pass(clock, 50);
  expect(said).toEqual([]);
  gone();
  await pass(clock, 20);
  expect(said).toEqual(['begin 60', 'there']);
});

it('begins nothing when it has ended', async () => {
  const { said, comeback } = scene();
  comeback.lost();
  const ended = comeback.end();
  await until(() => comeback.away);
  await ended;
  expect(said).toEqual([]);
  expect(comeback.away).toBe(true);
});
