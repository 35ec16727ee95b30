/** Longest id of a resource, in characters. */
const LONGEST = 64;

/** What no id may hold. To look for it costs half as much as to match what it may. */
const NEVER = /[^A-Za-z0-9\-.]/;

/**
 * Whether this can be the id of a resource (FHIR R4 datatypes.html#id). In a body that was not validated yet it may be
 * anything that JSON knows.
 */
export function isFhirId(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && text.length <= LONGEST && !NEVER.test(text);
}
