import { expect, it } from 'vitest';
import { filterOf } from '../../../src/compose/feed/message-filter.ts';
import { createMemoryInbox } from '../../../src/store/memory-inbox.ts';
import { messageOf } from '../events/feed/support.ts';

const inbox = createMemoryInbox({ owners: {} });
await inbox.intake.receive(messageOf('M1', { patient: 'p', value: 'v' }, { source: 'of-before' }));
const feed = { ports: { lab: 2576 }, ledger: inbox.ledger };

it('is what was asked for, and at most so many', () => {
  expect(
    filterOf({ state: 'parked, rejected', reason: 'failed', source: 'lab', limit: '7' }, 100, feed),
  ).toEqual({
    states: ['parked', 'rejected'],
    reason: 'failed',
    source: 'lab',
    limit: 7,
  });
  expect(filterOf({ limit: '1000000' }, 100, feed)).toEqual({ limit: 10_000 });
  expect(filterOf({ source: 'of-before' }, 100, feed)).toEqual({ source: 'of-before', limit: 100 });
});

it.each([
  [{ state: 'parked,lost' }, 'There is no such state. There are: waiting, processed, duplicate,'],
  [{ reason: 'maping-needed' }, 'There is no such reason. There are: decode-error,'],
  [{ source: 'lb' }, 'There is no such interface. There are: lab, of-before.'],
  [{ limit: 'many' }, 'limit is a whole number.'],
])('refuses what would find nothing for ever: %o', (query, words) => {
  expect(() => filterOf(query, 100, feed)).toThrow(expect.objectContaining({ code: 'invalid' }));
  expect(() => filterOf(query, 100, feed)).toThrow(words);
});
