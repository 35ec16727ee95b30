import { FicusError } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
import { pipeBytes } from '../fhir/pipe-bytes.ts';
import type { Resource } from '../fhir/types.ts';
import type { FhirBody } from '../ports.ts';

/**
 * A piped body as a resource, for the few who need its content.
 *
 * @param limit bytes kept at most
 * Throws `too-costly` over the limit, `legacy-malformed` when the body is no FHIR JSON, and what the pipe throws.
 */
export async function collectResource(
  body: Extract<FhirBody, { kind: 'pipe' }>,
  limit: number,
): Promise<Resource | undefined> {
  const bytes = await pipeBytes(
    (sink) => body.pipe(sink),
    limit,
    () => new FicusError('too-costly', `An answer within this Bundle is larger than ${limit} bytes`),
  );
  return bytes.length === 0 ? undefined : parseResource(bytes);
}

function parseResource(bytes: Buffer): Resource {
  try {
    const value = parseJson(bytes);
    if (isJsonObject(value) && typeof value['resourceType'] === 'string') return value as Resource;
  } catch (error) {
    throw new FicusError('legacy-malformed', 'A service answered with something that is not FHIR JSON', {
      cause: error,
    });
  }
  throw new FicusError('legacy-malformed', 'A service answered with something that is no resource');
}
