import { Readable } from 'node:stream';
import { FicusError } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { FhirRequest } from '../ports.ts';
import { asResource } from './content.ts';

/** The decoded resource of a write. */
export function contentOf({ resource }: FhirRequest): Resource {
  if (!resource) throw new FicusError('internal', 'A write with two sides came without a decoded resource.');
  return resource;
}

/**
 * The other side needs the content: a body that came as a stream is read.
 * @throws FicusError `too-large`, `malformed`, `invalid`
 */
export async function withContent(request: FhirRequest, limit: number): Promise<FhirRequest> {
  const { body, bodyLength: _length, ...rest } = request;
  if (request.resource || body === undefined) return rest;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body instanceof Uint8Array ? Readable.from([body]) : body) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > limit)
      throw new FicusError('too-large', 'The body is larger than can be kept for the other side.');
    chunks.push(bytes);
  }
  const value = parseJson(Buffer.concat(chunks, size));
  const resource = isJsonObject(value) ? asResource(value) : undefined;
  if (resource?.resourceType === request.type) return { ...rest, resource };
  throw new FicusError('invalid', `The body is no ${request.type}.`);
}
