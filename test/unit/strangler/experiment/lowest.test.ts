import { array, assert, property, record, integer, constantFrom } from 'fast-check';
import { expect, it } from 'vitest';
import { createLowest } from '../../../../src/strangler/experiment/lowest.ts';

const label = (id: number, expiresAt = 1_000_000) => ({
  id: `r${id}`,
  endpoint: 'Patient.read' as const,
  shape: 'read',
  // Different for each id, in no order of theirs.
  priority: ((id * 7_919) % 1_009) / 1_009,
  expiresAt,
});

it('keeps the lowest of all that was offered and not deleted, whatever the order', () => {
  const step = record({ id: integer({ min: 0, max: 14 }), kind: constantFrom('offer', 'offer', 'delete') });
  assert(
    property(array(step, { maxLength: 80 }), integer({ min: 1, max: 4 }), (steps, most) => {
      const lowest = createLowest(most);
      let kept: string[] = [];
      for (const { id, kind } of steps) {
        const one = label(id);
        if (kind === 'delete') {
          lowest.delete(one.id);
          kept = kept.filter((other) => other !== one.id);
          continue;
        }
        const byPriority = [...new Set([...kept, one.id])].toSorted(
          (a, b) => label(Number(a.slice(1))).priority - label(Number(b.slice(1))).priority,
        );
        const wanted = byPriority.slice(0, most);
        const gone = lowest.offer(one, 0);
        expect(gone).toEqual(
          wanted.includes(one.id) ? kept.filter((other) => !wanted.includes(other)) : undefined,
        );
        kept = wanted;
      }
      expect(kept.every((id) => lowest.get(id)?.id === id)).toBe(true);
    }),
  );
});

it('gives the places of what has expired to others', () => {
  const lowest = createLowest(2);
  lowest.offer(label(1, 500), 0);
  lowest.offer(label(2, 500), 0);
  const highest = { ...label(3), priority: 0.999 };
  expect(lowest.offer(highest, 499)).toBeUndefined();
  expect(lowest.offer(highest, 60_499)?.toSorted()).toEqual(['r1', 'r2']);
});
