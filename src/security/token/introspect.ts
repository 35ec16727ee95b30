import { randomUUID } from 'node:crypto';
import { SignJWT, importPKCS8 } from 'jose';
import { FicusError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { Egress, JsonAnswer } from '../egress.ts';
import type { Claims, IntrospectionRules } from './rules.ts';

/** Asks an issuer after a token (RFC 7662). */
export interface Introspection {
  /**
   * @returns what it says of the token; undefined: it is not active
   * @throws FicusError `unavailable` when it cannot be asked, or answers what is no answer
   */
  ask(token: string): Promise<Claims | undefined>;
  /** Why the last question got no answer; undefined: it did. */
  problem(): string | undefined;
}

/** An assertion of who asks is good for so long. */
const ASSERTION_SECONDS = 60;
/** After a failure nobody asks for so long: an issuer that is down is not knocked at by every request. */
const PAUSE_MS = 500;

export function createIntrospection(
  rules: IntrospectionRules,
  options: {
    /** Where it is asked. */
    readonly addressOf: () => Promise<string>;
    /** The issuer: audience of assertions. */
    readonly issuer: string;
    readonly egress: Egress;
    readonly clock: Clock;
  },
): Introspection {
  const { addressOf, issuer, egress, clock } = options;
  const proof = createProof(rules, issuer, clock);
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: FicusError | undefined;
  const ask = async (token: string): Promise<JsonAnswer> => {
    try {
      const url = await addressOf();
      const { form, headers } = await proof();
      const all = { token, token_type_hint: 'access_token', ...form };
      const answer = await egress.json(url, { form: all, headers });
      if (answer.status < 500) return answer;
      throw notAnswered(answer.status);
    } catch (error) {
      failedAt = clock.now();
      failure = error instanceof FicusError ? error : new FicusError('unavailable', 'Nobody can be asked after tokens', { cause: error }); // prettier-ignore
      throw failure;
    }
  };
  return {
    problem: () => failure?.message,
    async ask(token) {
      if (failure && clock.now() - failedAt < PAUSE_MS) throw failure;
      const { status, body } = await ask(token);
      const answer = typeof body === 'object' && body !== null ? (body as Claims) : undefined;
      // That one token cannot be asked after is no reason not to ask after others.
      if (status !== 200 || typeof answer?.['active'] !== 'boolean') throw notAnswered(status);
      failure = undefined;
      return answer['active'] ? answer : undefined;
    },
  };
}

function notAnswered(status: number): FicusError {
  return new FicusError('unavailable', `The issuer does not answer after tokens: HTTP status ${status}`);
}

/** What proves who asks. */
interface Proof {
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

function createProof(
  { clientId, proof }: IntrospectionRules,
  issuer: string,
  clock: Clock,
): () => Promise<Proof> {
  if (proof.kind === 'secret') {
    // RFC 6749 §2.3.1: both are encoded as in a form first.
    const pair = [clientId, proof.secret].map((one) => new URLSearchParams({ a: one }).toString().slice(2));
    const authorization = `Basic ${Buffer.from(pair.join(':')).toString('base64')}`;
    return async () => ({ form: {}, headers: { authorization } });
  }
  const { pem, keyId, algorithm } = proof;
  const key = importPKCS8(pem, algorithm);
  key.catch(() => {});
  return async () => {
    const now = Math.floor(clock.now() / 1000);
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: algorithm, ...(keyId === undefined ? {} : { kid: keyId }) })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(issuer)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .sign(await key);
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    return {
      form: { client_id: clientId, client_assertion_type, client_assertion: assertion },
      headers: {},
    };
  };
}
