import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { createReviews } from '../../../src/compose/feed/reviews.ts';
import type { MergeReview } from '../../../src/projection/merges.ts';
import { openReviewClosings } from '../../../src/store/review-closings.ts';
import { createMemoryInbox } from '../../../src/store/memory-inbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-reviews-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const review = (message: number, id: string): MergeReview => ({
  type: 'Observation',
  id,
  why: 'came after the merge',
  restored: 'Patient/old',
  survivor: 'Patient/new',
  message,
  since: message * 1_000,
});

function world(found: MergeReview[], file = join(folder, `${++files}.sqlite`)) {
  const clock = { now: () => 10_000 };
  const { ledger } = createMemoryInbox({ owners: {} });
  const open = () => {
    const closings = openReviewClosings(file);
    const reviews = createReviews({
      found: (limit) => found.slice(0, limit),
      closings,
      ledger,
      ownerOf: (source) => source ?? 'the operators',
      clock,
    });
    return reviews;
  };
  return { open, file, clock };
}

const by = { by: 'ada', reason: 'asked the ward' };

describe('what an un-merge left', () => {
  it('is closed by somebody who says why, once, and stays so', () => {
    const { open, file } = world([review(9, 'o2'), review(9, 'o1'), review(4, 'o1')]);
    const before = open();
    expect(before.list('open', 10).map(({ message, id }) => [message, id])).toEqual([
      [9, 'o2'],
      [9, 'o1'],
      [4, 'o1'],
    ]);
    const name = { message: 9, type: 'Observation', id: 'o1' };
    expect(before.close(name, by)).toMatchObject({ closed: { ...by, at: 10_000 }, owner: 'the operators' });
    expect(() => before.close(name, { by: 'eve', reason: 'me too' })).toThrow('closed already');
    expect(() => before.close({ ...name, message: 8 }, by)).toThrow('There is no such review');
    before.stop();
    const after = open();
    expect(after.list('open', 10).map(({ message, id }) => [message, id])).toEqual([
      [9, 'o2'],
      [4, 'o1'],
    ]);
    expect(after.list('open', 1)).toHaveLength(1);
    expect(after.list('closed', 10)).toMatchObject([{ message: 9, id: 'o1', closed: { by: 'ada' } }]);
    after.stop();
    const database = new DatabaseSync(file);
    expect(() => database.exec("UPDATE review_closing SET by_whom = 'eve'")).toThrow('stays closed');
    expect(() => database.exec('DELETE FROM review_closing')).toThrow('stays closed');
    database.close();
  });

  it('is a problem when nobody looks at it for a day', () => {
    const { open, clock } = world([review(9, 'o2'), review(4, 'o1')]);
    const reviews = open();
    expect(reviews.problems()).toEqual([]);
    clock.now = () => 4_000 + 24 * 3_600_000 + 1;
    expect(reviews.problems()).toEqual([
      'reviews: 2 resources wait for somebody to look at them, for 24 hours',
    ]);
    reviews.close({ message: 4, type: 'Observation', id: 'o1' }, by);
    expect(reviews.problems()).toEqual([]);
  });
});
