import { hash } from 'node:crypto';
import { FicusError } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
import { pipeBytes } from '../fhir/pipe-bytes.ts';
import { findLiterals } from './literals.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirBody } from '../ports.ts';

/**
 * The id that a resource gets which is made on the modern side by this write: the same UUID (RFC 9562 §5.8) for every
 * attempt of it.
 */
export function idOfWrite(writeId: string): string {
  const hex = hash('sha256', `resource ${writeId}`, 'hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A resource without what each server says of its own copy: `meta.versionId`, `meta.lastUpdated`. */
export function withoutServerMeta(resource: Resource): Resource {
  const { meta, ...rest } = resource;
  if (!isJsonObject(meta)) return resource;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta;
  return Object.keys(kept).length === 0 ? rest : { ...rest, meta: kept };
}

/**
 * Whether a service that holds this has taken all of what was sent; it may have added to it. Server-owned elements do
 * not count.
 */
export function holdsAll(held: Resource, sent: Resource): boolean {
  const { meta: _meta, text: _text, id: _id, ...content } = sent;
  return isWithin(content, held);
}

function isWithin(part: Json | undefined, whole: Json | undefined): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      part.length === whole.length &&
      part.every((item, index) => isWithin(item, whole[index]))
    );
  }
  if (isJsonObject(part)) {
    return isJsonObject(whole) && Object.entries(part).every(([name, value]) => isWithin(value, whole[name]));
  }
  return JSON.stringify(part) === JSON.stringify(whole);
}

/** What a resource refers to by relative references, as `Type/id`. */
export function referencesOf(resource: Resource): readonly string[] {
  return findLiterals(resource).filter((reference) => /^[A-Z][A-Za-z]+\/[^/]+$/.test(reference));
}

/**
 * The JSON of a body, read if it is still to come.
 *
 * @param limit bytes read at most
 * @throws FicusError `too-large`; `legacy-malformed`: no JSON object; what the stream throws
 */
export async function readBody(body: FhirBody, limit: number): Promise<JsonObject | undefined> {
  if (body.kind === 'resource') return body.resource;
  if (body.kind !== 'pipe') return undefined;
  const bytes = await pipeBytes(
    (sink) => body.pipe(sink),
    limit,
    () => new FicusError('too-large', 'An answer is larger than can be kept.'),
  );
  if (bytes.length === 0) return undefined;
  try {
    const value = parseJson(bytes);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw new FicusError('legacy-malformed', 'A service answered with something that is not FHIR JSON', {
      cause: error,
    });
  }
  throw new FicusError('legacy-malformed', 'A service answered with something that is no resource');
}

/** A resource, if that is what a JSON object is. */
export function asResource(value: JsonObject | undefined): Resource | undefined {
  return typeof value?.['resourceType'] === 'string' ? (value as Resource) : undefined;
}

/** Frees a body that nobody reads. */
export function release(body: FhirBody): void {
  if (body.kind === 'pipe') body.discard();
}
