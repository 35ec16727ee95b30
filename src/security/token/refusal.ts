import { FicusError } from '../../errors.ts';

/** Why a token is not believed: a label of the metric, and of the audit. What the caller is told is less. */
export type RefusalReason =
  | 'missing'
  | 'request'
  | 'size'
  | 'form'
  | 'issuer'
  | 'signature'
  | 'type'
  | 'audience'
  | 'expired'
  | 'not-yet'
  | 'bound'
  | 'claims'
  | 'revoked';

/**
 * What callers are told. Whatever is wrong before the signature is known to be right is told in the same words: nobody
 * can ask what it was.
 */
const WORDS: Readonly<Record<Exclude<RefusalReason, 'missing' | 'request'>, string>> = {
  size: 'The token is not valid',
  form: 'The token is not valid',
  issuer: 'The token is not valid',
  signature: 'The token is not valid',
  type: 'The token is not an access token',
  audience: 'The token is not for this service',
  expired: 'The token has expired',
  'not-yet': 'The token is not valid yet',
  bound: 'The token is bound to a key of its client, which this service does not check',
  claims: 'The token does not say what it has to',
  revoked: 'The token is not active',
};

/** A FicusError that knows why, for whoever counts. */
export class TokenRefusal extends FicusError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, header: string, cause?: unknown) {
    super('unauthenticated', message, { headers: { 'www-authenticate': header }, cause });
    this.reason = reason;
  }
}

/** Refuses a token: 401 `invalid_token` (RFC 6750 §3.1). @param realm FHIR base address */
export function refuseToken(
  realm: string,
  reason: Exclude<RefusalReason, 'missing' | 'request'>,
  cause?: unknown,
): TokenRefusal {
  const words = WORDS[reason];
  const header = `Bearer realm="${realm}", error="invalid_token", error_description="${words}"`;
  return new TokenRefusal(reason, `${words}.`, header, cause);
}

/** Nobody said who calls: 401 without an error code (RFC 6750 §3.1), and where tokens are had. */
export function askForToken(realm: string): TokenRefusal {
  const message = `Say who calls: Authorization: Bearer TOKEN. ${realm}/.well-known/smart-configuration says where tokens are had.`;
  return new TokenRefusal('missing', message, `Bearer realm="${realm}"`);
}

/** Says who calls in a way that is not understood: 401 `invalid_request`. */
export function refuseRequest(realm: string, words: string): TokenRefusal {
  const header = `Bearer realm="${realm}", error="invalid_request", error_description="${words}"`;
  return new TokenRefusal('request', `${words}.`, header);
}
