import type { IncomingMessage } from 'node:http';
import { FicusError } from '../errors.ts';
import type { Pairs } from './url.ts';

const AUTHORIZATION = 'authorization';

/**
 * Refuses a token that stands where others can read it (RFC 6750 §2.3, §5.3; servers on the way write addresses down), and two that disagree about who calls: node:http
 * keeps the first of two Authorization headers, and others the last.
 *
 * @param parameters of the address
 * @throws FicusError `malformed` (400, with WWW-Authenticate `invalid_request`)
 */
export function refuseStrayCredentials({ rawHeaders }: IncomingMessage, parameters: Pairs): void {
  refuseStrayToken(parameters);
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) seen += 1;
  }
  if (seen > 1) throw stray('One Authorization header is enough');
}

/** A token among the parameters of an address, or of a form. @throws FicusError `malformed` */
export function refuseStrayToken(parameters: Pairs): void {
  if (parameters.some(([name]) => name === 'access_token'))
    throw stray('A token belongs into the Authorization header, and nowhere else');
}

function stray(words: string): FicusError {
  return new FicusError('malformed', `${words}.`, {
    headers: { 'www-authenticate': `Bearer error="invalid_request", error_description="${words}"` },
  });
}
