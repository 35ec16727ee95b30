import { FicusError } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';

/** Members and items of a body: far more than any resource has, and little work to look through. */
const MOST_VALUES = 100_000;

/** A body as a resource. Throws `malformed` (no JSON), `too-large`, `invalid` (no resource). */
export function parseResource(body: Buffer): Resource {
  const value = parseJson(body, MOST_VALUES);
  if (isJsonObject(value) && typeof value['resourceType'] === 'string') return value as Resource;
  throw new FicusError('invalid', 'The body is no FHIR resource: it has no resourceType');
}
