import type { IncomingMessage } from 'node:http';
import { FicusError } from '../errors.ts';
import { SERVED_BY_FICUS } from './answer.ts';
import type { Answer } from './answer.ts';

/** Where apps learn how to get a token, below the FHIR base (SMART App Launch 2.2.0, conformance). */
export const SMART_CONFIGURATION_PATH = '/.well-known/smart-configuration';

/** Everyone may read it, from a page of any origin, and keep it for a while. */
const PUBLIC = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' };
const ALLOWED = 'GET, HEAD, OPTIONS';

/**
 * @param document the configuration; undefined: security is open, and there is none
 * @throws FicusError `not-found`, `method-not-allowed`, and what `document` rejects with
 */
export async function smartConfigurationAnswer(
  { method }: IncomingMessage,
  document: (() => Promise<object>) | undefined,
): Promise<Answer> {
  if (!document) throw new FicusError('not-found', 'This service gives no tokens: its security is open');
  if (method === 'OPTIONS') {
    const headers = { ...PUBLIC, allow: ALLOWED, 'access-control-allow-methods': 'GET, HEAD' };
    return { status: 204, headers, body: undefined, servedBy: SERVED_BY_FICUS };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    throw new FicusError('method-not-allowed', 'This address does not take that method', {
      headers: { allow: ALLOWED },
    });
  }
  const body = Buffer.from(JSON.stringify(await document()));
  const headers = { ...PUBLIC, 'content-type': 'application/json' };
  return { status: 200, headers, body, servedBy: SERVED_BY_FICUS };
}
