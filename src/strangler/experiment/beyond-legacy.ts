import type { Difference } from '../../migration-ports.ts';
import type { ComparableAnswer } from '../compare/answer.ts';

/**
 * Issue types (FHIR R4 valueset-issue-type) of a refusal that says nothing of the record: the side has no way to
 * answer.
 */
const NO_WAY: ReadonlySet<string> = new Set(['not-supported', 'too-costly']);

/** Whether legacy refuses to look, and modern does not: what modern answers can then not be held against it. */
export function cannotSay(legacy: ComparableAnswer, modern: ComparableAnswer): boolean {
  if (legacy.kind !== 'error' || modern.kind === 'error' || legacy.status >= 500) return false;
  return legacy.codes.length > 0 && legacy.codes.every((code) => NO_WAY.has(code));
}

/**
 * Whether a difference is what must be seen where a type is created at modern only: modern has one more. That it has
 * the right ones, nobody can say here.
 *
 * @param type of what was asked for
 */
export function isOneMore(
  { path, kind, detail }: Difference,
  type: string,
  { kind: said, ...legacy }: ComparableAnswer,
): boolean {
  if (path === 'Bundle.entry') return kind === 'extra' && detail === type;
  if (path === 'Bundle.total') return kind === 'changed';
  const isGone = said === 'error' && 'status' in legacy && (legacy.status === 404 || legacy.status === 410);
  return path === 'Answer.status' && detail === 'only legacy failed' && isGone;
}
