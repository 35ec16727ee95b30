import { describe, expect, it } from 'vitest';
import type { Difference, DifferenceRule } from '../../../../src/migration-ports.ts';
import { applyRules } from '../../../../src/strangler/compare/rules.ts';
import { matchesWildcard } from '../../../../src/strangler/compare/wildcard.ts';

const NOW = Date.parse('2026-05-01T00:00:00Z');

const order: Difference = {
  path: 'Bundle.entry',
  kind: 'order',
  severity: 'minor',
  signature: 'order Bundle.entry',
};
const unit: Difference = {
  path: 'Observation.valueQuantity.unit',
  kind: 'changed',
  severity: 'critical',
  signature: 'changed Observation.valueQuantity.unit',
};

function rule(id: string, signature: string, more: Partial<DifferenceRule> = {}): DifferenceRule {
  return {
    id,
    endpoint: 'Observation.search',
    signature,
    verdict: 'acceptable',
    owner: 'lab',
    by: 'somebody',
    reason: 'known',
    createdAt: '2026-04-01T00:00:00Z',
    expiresAt: '2026-06-01T00:00:00Z',
    ...more,
  };
}

describe('a rule', () => {
  it('makes noise of an accepted difference, and of no other', () => {
    expect(applyRules([unit, order], [rule('r1', 'order Bundle.entry')], NOW)).toEqual([
      unit,
      { ...order, severity: 'noise', rule: 'r1' },
    ]);
  });

  it.each(['2026-05-01T00:00:00Z', '2026-04-30T00:00:00Z', 'some day'])(
    'that expired at %s does nothing',
    (expiresAt) => {
      expect(applyRules([order], [rule('r1', 'order *', { expiresAt })], NOW)).toEqual([order]);
    },
  );

  it('that says bug leaves the difference as bad as it is, and names itself', () => {
    const bug = rule('r2', 'changed Observation.*.unit', { verdict: 'bug-in-modern' });
    expect(applyRules([unit], [bug], NOW)).toEqual([{ ...unit, rule: 'r2' }]);
  });

  it('that says bug goes before one that accepts', () => {
    const rules = [rule('r1', 'changed *'), rule('r2', '*unit', { verdict: 'bug-in-legacy' })];
    expect(applyRules([unit], rules, NOW)).toEqual([{ ...unit, rule: 'r2' }]);
  });
});

describe('a wildcard', () => {
  it.each<[string, string, boolean]>([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['*', '', true],
    ['a*c', 'ac', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abcd', false],
    ['a*a', 'a', false],
    ['*b*', 'abc', true],
    ['*b*b*', 'abc', false],
    ['a.b', 'axb', false],
    ['*aab', 'aaab', true],
  ])('%s and %s: %s', (pattern, text, expected) => {
    expect(matchesWildcard(pattern, text)).toBe(expected);
  });
});
