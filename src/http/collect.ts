import { Writable } from 'node:stream';
import { FicusError } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
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
  const chunks: Buffer[] = [];
  let size = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      size += chunk.length;
      chunks.push(chunk);
      callback(
        size > limit
          ? new FicusError('too-costly', `An answer within this Bundle is larger than ${limit} bytes`)
          : null,
      );
    },
  });
  await body.pipe(sink);
  if (size === 0) return undefined;
  return parseResource(Buffer.concat(chunks, size));
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
