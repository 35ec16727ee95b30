import type { Endpoint } from '../fhir/types.ts';
import type { Pins } from '../migration-ports.ts';
import type { FhirRequest, FhirResponse, Side } from '../ports.ts';

/**
 * A search's answer from a side that has missed writes: it says so, and has no total. A body that is piped stays as it
 * is.
 */
export function incompleteSet(
  response: FhirResponse,
  pins: Pins,
  side: Side,
  { type }: Pick<FhirRequest, 'type'>,
): FhirResponse {
  const { body } = response;
  if (body.kind !== 'searchset') return response;
  const { total: _inexact, ...set } = body.set;
  const owed = (endpoint: Endpoint) => pins.owed(side, endpoint).count;
  const count = owed(`${type}.create`) + owed(`${type}.update`);
  const writes =
    count === 1 ? '1 accepted write of this type is' : `${count} accepted writes of this type are`;
  const issue = { severity: 'warning', code: 'incomplete', diagnostics: `${writes} not yet visible here.` } as const; // prettier-ignore
  return { ...response, body: { kind: 'searchset', set: { ...set, issues: [...set.issues, issue] } } };
}
