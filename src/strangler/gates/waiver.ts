import { FicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Route } from '../../ports.ts';
import { GATES } from './gate.ts';
import type { Gate, GateName } from './gate.ts';

/** Somebody answers for going on without a gate, for a time. */
export interface Waiver {
  readonly endpoint: Endpoint;
  readonly gate: GateName;
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 instants. */
  readonly at: string;
  readonly until: string;
}

/** A step without owners has nobody to waive anything; a hold is lifted by whoever may, not waived. */
const NEVER: readonly GateName[] = ['owners', 'hold'];
const LONGEST_DAYS = 90;

/**
 * A waiver as it may be stored. To end one early, store another of the same gate with `until` now: the newest counts.
 *
 * @param now epoch milliseconds
 * @throws FicusError `value-required`, `value-invalid`; `forbidden`: critical differences are waived by the clinical
 * owner only; `unprocessable`: that gate is never waived
 */
export function checkedWaiver(
  wanted: { readonly gate: string; readonly by: string; readonly reason: string; readonly until: string },
  route: Pick<Route, 'endpoint' | 'owners'>,
  now: number,
): Waiver {
  const { by, reason } = wanted;
  const gate = GATES.find((name) => name === wanted.gate);
  if (!gate)
    throw refusal(
      'value-invalid',
      `There is no gate "${wanted.gate}"; there are: ${GATES.join(', ')}.`,
      'gate',
    );
  if (NEVER.includes(gate)) throw refusal('unprocessable', `The gate ${gate} is never waived.`, 'gate');
  if (by.trim() === '') throw refusal('value-required', 'A waiver says who gives it.', 'by');
  if (reason.trim() === '') throw refusal('value-required', 'A waiver says why.', 'reason');
  const until = Date.parse(wanted.until);
  if (Number.isNaN(until))
    throw refusal('value-invalid', 'A waiver ends at an instant, as ISO 8601 has it.', 'until');
  if (until > now + LONGEST_DAYS * 86_400_000)
    throw refusal('value-invalid', `A waiver lasts ${LONGEST_DAYS} days at most.`, 'until');
  if (!mayWaive(gate, by, route)) {
    const owner = route.owners?.clinical;
    const who = owner === undefined ? 'and none is named' : `which is ${owner}`;
    throw refusal('forbidden', `Critical differences are waived by the clinical owner only, ${who}.`, 'by');
  }
  return { endpoint: route.endpoint, gate, by, reason, at: iso(now), until: iso(until) };
}

/** The gate with the waiver that is in force, if it needs one. */
export function withWaiver(
  gate: Gate,
  waivers: readonly Waiver[],
  route: Pick<Route, 'endpoint' | 'owners'>,
  now: number,
): Gate {
  if (gate.verdict === 'pass' || NEVER.includes(gate.name)) return gate;
  const newest = waivers.findLast((it) => it.gate === gate.name && it.endpoint === route.endpoint);
  if (!newest || Date.parse(newest.until) <= now) return gate;
  // Owners change: what was given by one who is not the clinical owner any more is not his to give.
  if (!mayWaive(newest.gate, newest.by, route)) return gate;
  const { by, reason, until } = newest;
  return {
    ...gate,
    verdict: 'waived',
    words: `Waived by ${by} until ${until}: ${reason}. Without that: ${gate.words}`,
    waiver: { by, reason, until, insteadOf: gate.verdict },
  };
}

function mayWaive(gate: GateName, by: string, { owners }: Pick<Route, 'owners'>): boolean {
  return gate !== 'criticals' || (owners?.clinical !== undefined && owners.clinical === by);
}

const iso = (at: number): string => new Date(at).toISOString();

function refusal(
  code: 'value-required' | 'value-invalid' | 'unprocessable' | 'forbidden',
  words: string,
  field: string,
): FicusError {
  return new FicusError(code, words, { expression: [field] });
}
