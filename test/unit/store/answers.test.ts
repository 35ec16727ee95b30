import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { PromisedAnswer } from '../../../src/answer-ports.ts';
import { openAnswerStore } from '../../../src/store/answers.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-answers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const answer = (seq: number, since = 1_000): PromisedAnswer => ({
  seq,
  code: 'AA',
  payload: Buffer.from(`answer ${seq}`),
  since,
});

it('keeps what is owed in the order of receipt, with how far messages were looked at, over a restart', () => {
  const file = join(folder, 'answers.sqlite');
  const before = openAnswerStore(file);
  expect(before.cursor('lab')).toBeUndefined();
  before.owe('lab', [answer(7), answer(3)], 9);
  before.owe('adt', [answer(5)], 5);
  before.told(3);
  before.close();
  const store = openAnswerStore(file);
  expect(store.cursor('lab')).toBe(9);
  const next = store.next('lab')!;
  expect({ ...next, payload: Buffer.from(next.payload).toString() }).toEqual({
    ...answer(7),
    payload: 'answer 7',
    attempts: 0,
  });
  expect(store.counts()).toEqual([
    { source: 'adt', told: 0, lost: 0, owed: 1, dead: 0, oldest: 1_000 },
    { source: 'lab', told: 1, lost: 0, owed: 1, dead: 0, oldest: 1_000 },
  ]);
  // Looked at again after a power failure: what is owed stays as it was sent.
  store.owe('lab', [{ ...answer(7), payload: Buffer.from('another') }], 8);
  expect(store.cursor('lab')).toBe(9);
  expect(Buffer.from(store.next('lab')!.payload).toString()).toBe('answer 7');
  store.close();
});

it('gives what was not taken to its owner, who has it sent again or lets go of it', () => {
  const store = openAnswerStore(':memory:');
  store.owe('lab', [answer(1), answer(2), answer(3, 5_000)], 3);
  expect(store.setBack(1, 'no acknowledgement')).toBe(1);
  expect(store.setBack(1, 'no acknowledgement')).toBe(2);
  store.bury(1, 'no acknowledgement', 'integration');
  expect(store.buryOlder('lab', 5_000, 'too late', 'integration', 10)).toBe(1);
  expect(store.next('lab')?.seq).toBe(3);
  expect(store.list({ states: ['dead'], limit: 10 })).toMatchObject([
    { seq: 1, attempts: 2, reason: 'no acknowledgement', owner: 'integration' },
    { seq: 2, attempts: 0, reason: 'too late', owner: 'integration' },
  ]);
  expect(store.retry({ seq: 1 }, 9_000)).toBe(1);
  expect(store.next('lab')).toMatchObject({ seq: 1, attempts: 0, since: 9_000 });
  // What is owed is not there to be let go of.
  expect(store.discard({ seq: 1 })).toBe(0);
  expect(store.discard({ source: 'lab' })).toBe(1);
  expect(store.list({ limit: 10 }).map(({ seq, state }) => [seq, state])).toEqual([
    [1, 'owed'],
    [3, 'owed'],
  ]);
});

it('counts every lost one and lists the newest', () => {
  const store = openAnswerStore(':memory:');
  const lost = Array.from({ length: 1_200 }, (_, nth) => ({ seq: nth + 1, code: 'AE' as const, since: 1 }));
  store.lose('lab', lost, 'gone', 1_200);
  store.lose('adt', [{ seq: 2_000, code: 'AA', since: 1 }], 'gone');
  expect(store.counts()).toMatchObject([
    { source: 'adt', lost: 1 },
    { source: 'lab', lost: 1_200 },
  ]);
  const listed = store.list({ source: 'lab', states: ['lost'], limit: 2_000 });
  expect(listed).toHaveLength(1_000);
  expect(listed[0]?.seq).toBe(201);
  expect(store.cursor('lab')).toBe(1_200);
  expect(store.cursor('adt')).toBeUndefined();
});

it('remembers who asked again until that is answered', () => {
  const store = openAnswerStore(':memory:');
  store.owe('lab', [answer(4)], 4);
  store.bury(4, 'refused', 'integration');
  store.askAgain('lab', 4);
  store.askAgain('lab', 4);
  store.askAgain('lab', 2);
  expect(store.askedAgain('lab', 10)).toEqual([2, 4]);
  store.oweAgain('lab', 4, answer(4, 2_000));
  store.oweAgain('lab', 2, undefined);
  expect(store.askedAgain('lab', 10)).toEqual([]);
  expect(store.next('lab')).toMatchObject({ seq: 4, since: 2_000, attempts: 0 });
});
