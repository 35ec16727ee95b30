import { describe, expect, it } from 'vitest';
import { stepSequence } from '../../../../../adapters/hl7v2/intake/sequence.ts';
import type { LastSequence } from '../../../../../adapters/hl7v2/intake/sequence.ts';

/** MSH-13, what is known before; what becomes of the message; MSA-4; what is known after a link message. */
const TABLE: readonly (readonly [
  written: string,
  last: LastSequence,
  kind: string,
  expected: number,
  after?: LastSequence,
])[] = [
  ['1', 'none', 'next', 1],
  ['812', 'none', 'next', 812],
  ['8', 7, 'next', 8],
  ['7', 7, 'repeated', 8],
  ['6', 7, 'refused', 8],
  ['9', 7, 'refused', 8],
  ['0', 7, 'link', 8, 7],
  ['0', 'none', 'link', -1, 'none'],
  ['0', 'resynchronizing', 'link', -1, 'resynchronizing'],
  ['-1', 7, 'link', -1, 'resynchronizing'],
  ['-1', 'none', 'link', -1, 'resynchronizing'],
  ['3', 'resynchronizing', 'next', 3],
  ['', 7, 'refused', 8],
  ['', 'none', 'refused', -1],
  ['x', 7, 'refused', 8],
  ['-2', 7, 'refused', 8],
  ['1.5', 7, 'refused', 8],
  ['08', 7, 'next', 8],
];

const ROWS = TABLE.map(([written, last, kind, expected, after]) => ({
  written,
  last,
  kind,
  expected,
  after,
}));

describe('a sequence number', () => {
  it.each(ROWS)('"$written" after $last is $kind, and MSA-4 is $expected', (row) => {
    const step = stepSequence(row.written, row.last);
    expect(step.kind).toBe(row.kind);
    expect(step.kind === 'next' ? step.number : step.expected).toBe(row.expected);
    expect(step.kind === 'link' ? step.last : undefined).toBe(row.after);
    if (step.kind === 'refused' || step.kind === 'repeated')
      expect(step.fault.place).toMatchObject({ segment: 'MSH', field: 13 });
  });
});
