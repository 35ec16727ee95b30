import { FicusError } from '../errors.ts';
import type { Pairs } from './url.ts';

/**
 * Refuses a token among the parameters of an address or of a form (RFC 6750 §2.2, §2.3): servers on the way write
 * addresses down, and pages hand them on.
 *
 * @throws FicusError `malformed` (400, with WWW-Authenticate `invalid_request`)
 */
export function refuseStrayToken(parameters: Pairs): void {
  if (!parameters.some(([name]) => name === 'access_token')) return;
  const words = 'A token belongs into the Authorization header, and nowhere else';
  throw new FicusError('malformed', `${words}.`, {
    headers: { 'www-authenticate': `Bearer error="invalid_request", error_description="${words}"` },
  });
}
