import type { Difference, DifferenceRule } from '../../migration-ports.ts';
import { matchesWildcard } from './wildcard.ts';

/** Whether a rule still holds. One whose expiry nobody can read does not. */
export function isInForce(rule: DifferenceRule, now: number): boolean {
  return Date.parse(rule.expiresAt) > now;
}

/**
 * Differences as people have judged them: one that is acceptable becomes noise, one that is known to be a bug stays as
 * bad as it is; both name the rule. A rule that says bug goes before one that says acceptable; an expired rule does
 * nothing.
 *
 * @param rules of the endpoint that was compared.
 * @param now epoch milliseconds.
 */
export function applyRules(
  differences: readonly Difference[],
  rules: readonly DifferenceRule[],
  now: number,
): Difference[] {
  const inForce = rules.filter((rule) => isInForce(rule, now));
  if (inForce.length === 0) return [...differences];
  return differences.map((difference) => {
    const about = inForce.filter((rule) => matchesWildcard(rule.signature, difference.signature));
    const rule = about.find(({ verdict }) => verdict !== 'acceptable') ?? about[0];
    if (!rule) return difference;
    const severity = rule.verdict === 'acceptable' ? 'noise' : difference.severity;
    return { ...difference, severity, rule: rule.id };
  });
}
