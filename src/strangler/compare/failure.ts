import type { ComparableAnswer } from './answer.ts';

type Failure = Extract<ComparableAnswer, { kind: 'error' }>;

/**
 * Issue types (FHIR R4 valueset-issue-type) that say the same to a client. What there is not, and what was deleted, are
 * one: most legacy cores do not know the difference, so 404 and 410 are alike.
 */
const FAMILIES: readonly (readonly string[])[] = [
  ['not-found', 'deleted'],
  ['security', 'login', 'unknown', 'expired', 'forbidden', 'suppressed'],
  ['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled'],
  ['conflict', 'duplicate', 'multiple-matches'],
  ['not-supported', 'too-costly'],
  [
    'invalid',
    'structure',
    'required',
    'value',
    'invariant',
    'processing',
    'too-long',
    'code-invalid',
    'extension',
    'business-rule',
  ],
];
const FAMILY = new Map(FAMILIES.flatMap((codes, family) => codes.map((code) => [code, family] as const)));

/** Statuses that say by themselves what another answer says by its issue type. */
const BY_STATUS = new Map([
  [401, 'login'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [409, 'conflict'],
  [410, 'deleted'],
  [412, 'conflict'],
]);

function familiesOf({ status, codes }: Failure): ReadonlySet<number | string> {
  const named = codes.length > 0 ? codes : [BY_STATUS.get(status)].filter((code) => code !== undefined);
  return new Set(named.map((code) => FAMILY.get(code) ?? code));
}

/**
 * Whether two failures say the same: the class of their statuses, and a family of issue types. A side that names no
 * type says only what its status says.
 */
export function failedAlike(legacy: Failure, modern: Failure): boolean {
  if (Math.floor(legacy.status / 100) !== Math.floor(modern.status / 100)) return false;
  if (legacy.status >= 500) return true;
  const [before, after] = [familiesOf(legacy), familiesOf(modern)];
  if (before.size === 0 || after.size === 0) return true;
  return [...before].some((family) => after.has(family));
}
