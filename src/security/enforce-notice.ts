import type { FicusError, Issue } from '../errors.ts';
import type { Sieve, Turn } from './enforce-answer.ts';
import type { Sight, Verdict } from './visible.ts';
import { isBehindGlass, refusalOf, suppressedIssue } from './withhold.ts';

/**
 * What the answer to a search says of labels and consents: to one caller always the same, whatever was kept back, but
 * to one who may break the glass and has something behind it. That one was told goes into the audit event.
 */
export function noticesOf(sieve: Sieve, sight: Sight, { access, context }: Turn): readonly Issue[] {
  if (!sight.mayKeepBack(access)) return [];
  const told = isBehindGlass(sieve.withheld, access);
  if (told) context.toldOfGlass?.();
  return [suppressedIssue(told)];
}

/** How something that is not seen is refused by its own words; undefined: by those of what is not there. */
export function refused(verdict: Verdict, { access, context }: Turn): FicusError | undefined {
  const refusal = typeof verdict === 'object' ? refusalOf(verdict, access) : undefined;
  if (refusal) context.toldOfGlass?.();
  return refusal;
}
