import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createSettlements } from '../../../../../adapters/hl7v2/intake/settlements.ts';
import type { MessageOutcome } from '../../../../../src/feed-ports.ts';

it('an outcome that was recorded and not told is found when it is looked for again, and told once', async () => {
  const recorded = new Map<number, MessageOutcome>();
  const desk = createSettlements((seq) => recorded.get(seq));
  const told: MessageOutcome[] = [];
  desk.whenSettled(1, (outcome) => told.push(outcome));
  desk.whenSettled(2, (outcome) => told.push(outcome));
  await turn();
  recorded.set(1, { seq: 1, state: 'processed' });
  expect(told).toEqual([]);
  desk.lookAgain();
  await turn();
  desk.lookAgain();
  await turn();
  expect(told).toEqual([{ seq: 1, state: 'processed' }]);
  desk.settled([{ seq: 2, state: 'processed' }]);
  expect(told).toHaveLength(2);
});
