/** Longest id of a resource, in characters. */
const LONGEST = 64;

/** What no id may hold. To look for it costs half as much as to match what it may. */
const NEVER = /[^A-Za-z0-9\-.]/;

/** Whether a text can be the id of a resource (FHIR R4 datatypes.html#id). */
export function isFhirId(text: string): boolean {
  return text !== '' && text.length <= LONGEST && !NEVER.test(text);
}
