import type { Difference } from '../../migration-ports.ts';
import type { ComparableAnswer } from './answer.ts';
import type { Work } from './element.ts';
import { failedAlike } from './failure.ts';
import { createFindings } from './findings.ts';
import { identical } from './identical.ts';
import type { CompareOptions } from './options.ts';
import { compareResources, compareSets, holdSame } from './set.ts';
import { createSide } from './side.ts';
import { rootTrail, type Trail } from './trail.ts';

const STATUS: Trail = { parent: rootTrail('Answer'), name: 'status', element: 'status', type: 'code' };

/**
 * Compares two answers to one request as FHIR: each difference with its path, kind and severity, each signature once, the worst first;
 * nothing of it holds a value. What is certain only: see `judgeAnswers` for answers that do not tell everything.
 */
export function compareAnswers(
  legacy: ComparableAnswer,
  modern: ComparableAnswer,
  options: CompareOptions,
): Difference[] {
  const findings = createFindings(options);
  const work: Work = { findings, identical, legacy: createSide(options), modern: createSide(options) };
  if (legacy.kind === 'resource' && modern.kind === 'resource')
    compareResources(legacy.resource, modern.resource, work);
  else if (legacy.kind === 'set' && modern.kind === 'set') compareSets(legacy, modern, work);
  else {
    const detail = statusChange(legacy, modern);
    if (detail !== undefined) findings.add(STATUS, 'changed', detail);
  }
  return findings.list();
}

function statusChange(legacy: ComparableAnswer, modern: ComparableAnswer): string | undefined {
  if (legacy.kind === 'error' && modern.kind === 'error')
    return failedAlike(legacy, modern) ? undefined : 'another failure';
  if (modern.kind === 'error') return 'only modern failed';
  if (legacy.kind === 'error') return 'only legacy failed';
  if (legacy.kind !== 'none' || modern.kind !== 'none') return 'another kind of answer';
  return legacy.status === modern.status ? undefined : 'another status';
}

/** What a comparison says of two answers. */
export interface Judgement {
  readonly verdict: 'match' | 'different' | 'not-comparable';
  /** Of `not-comparable`: why, in words. */
  readonly why?: string;
  readonly differences: readonly Difference[];
}

/**
 * Compares two answers and says what that proves. Differences found are certain, also between answers that do not tell everything; that none
 * was found proves nothing when legacy failed alone, when a source of legacy did not answer, or when one has pages that were not read.
 */
export function judgeAnswers(
  legacy: ComparableAnswer,
  modern: ComparableAnswer,
  options: CompareOptions,
): Judgement {
  const alone = legacy.kind === 'error' && legacy.status >= 500;
  if (alone && !(modern.kind === 'error' && modern.status >= 500))
    return { verdict: 'not-comparable', why: 'legacy failed', differences: [] };
  const differences = compareAnswers(legacy, modern, options);
  if (differences.length > 0) return { verdict: 'different', differences };
  const why = gapOf(legacy, modern, options);
  return why === undefined
    ? { verdict: 'match', differences }
    : { verdict: 'not-comparable', why, differences };
}

/** Why nothing found does not mean that nothing differs. */
function gapOf(
  legacy: ComparableAnswer,
  modern: ComparableAnswer,
  options: CompareOptions,
): string | undefined {
  if (legacy.kind !== 'set' || modern.kind !== 'set') return undefined;
  if (legacy.partial === true) return 'legacy answered in part';
  if (modern.partial === true) return 'modern answered in part';
  if (legacy.complete && modern.complete) return undefined;
  const samePage = legacy.complete === modern.complete && holdSame(legacy, modern, createSide(options));
  return samePage ? undefined : 'there are more pages than were compared';
}
