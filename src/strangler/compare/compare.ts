import type { Difference } from '../../migration-ports.ts';
import type { ComparableAnswer } from './answer.ts';
import type { Work } from './element.ts';
import { failedAlike } from './failure.ts';
import { createFindings } from './findings.ts';
import { identical } from './identical.ts';
import type { CompareOptions } from './options.ts';
import { compareResources, compareSets } from './set.ts';
import { createSide } from './side.ts';
import { rootTrail, type Trail } from './trail.ts';

const STATUS: Trail = { parent: rootTrail('Answer'), name: 'status', element: 'status', type: 'code' };

/**
 * Compares two answers to one request as FHIR: each difference with its path, kind and severity, each signature once,
 * the worst first; nothing of it holds a value. Only what is certain: an entry that may be on a page that was not read
 * is not said to be missing. So that none is found proves nothing between sets that are not complete, or partial; and a
 * side that fails is a difference, whatever made it fail.
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
