import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Resource } from '../fhir/types.ts';
import { SERVED_BY_FICUS } from './answer.ts';
import type { Answer } from './answer.ts';
import { isUnchanged, parseIfNoneMatch } from './conditions.ts';
import { FHIR_JSON } from './negotiate.ts';
import { serialise } from './serialise.ts';

const etags = new WeakMap<Resource, string>();

function etagOf(capability: Resource): string {
  const known = etags.get(capability);
  if (known !== undefined) return known;
  const etag = `W/"${createHash('sha256').update(serialise(capability, false)).digest('base64url').slice(0, 22)}"`;
  etags.set(capability, etag);
  return etag;
}

/**
 * FHIR R4 http.html#capabilities. It holds nothing about patients and may be kept by whoever asks again with its ETag.
 */
export function capabilityAnswer(
  capability: Resource,
  headers: IncomingHttpHeaders,
  pretty: boolean,
): Answer {
  const etag = etagOf(capability);
  const unchanged = isUnchanged({ ifNoneMatch: parseIfNoneMatch(headers['if-none-match']), ifModifiedSince: undefined }, etag, undefined); // prettier-ignore
  const shared = { etag, 'cache-control': 'no-cache' };
  if (unchanged) return { status: 304, headers: shared, body: undefined, servedBy: SERVED_BY_FICUS };
  return {
    status: 200,
    headers: { ...shared, 'content-type': FHIR_JSON },
    body: serialise(capability, pretty),
    servedBy: SERVED_BY_FICUS,
  };
}
