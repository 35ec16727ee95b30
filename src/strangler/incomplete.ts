import type { Issue } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Pins } from '../migration-ports.ts';
import type { FhirResponse, Side } from '../ports.ts';

/** A search's answer from a side that has missed something: it says what, and has no total. Any other body stays as it is. */
export function incompleteSet(response: FhirResponse, missed: readonly string[]): FhirResponse {
  const { body } = response;
  if (body.kind !== 'searchset' || missed.length === 0) return response;
  const { total: _inexact, ...set } = body.set;
  const said = missed.map((diagnostics): Issue => ({ severity: 'warning', code: 'incomplete', diagnostics }));
  return { ...response, body: { kind: 'searchset', set: { ...set, issues: [...set.issues, ...said] } } };
}

/** Writes of a type that are on their way to a side, in words. */
export function owedInWords(type: string, side: Side, pins: Pins): string {
  const owed = (endpoint: Endpoint) => pins.owed(side, endpoint).count;
  const count = owed(`${type}.create`) + owed(`${type}.update`);
  const writes =
    count === 1 ? '1 accepted write of this type is' : `${count} accepted writes of this type are`;
  return `${writes} not yet visible here.`;
}

/** What modern writes alone, where legacy answers, in words. */
export function aloneInWords(endpoints: readonly Endpoint[]): string {
  return `What was written by ${endpoints.join(' and ')} is not visible here: legacy, which answered, is not told of it.`;
}
