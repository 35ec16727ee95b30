import type { JWTPayload } from 'jose';
import type { Clock, FhirRequest, Principal } from '../../src/ports.ts';
import { createEgress } from '../../src/security/egress.ts';
import type { EgressOptions } from '../../src/security/egress.ts';
import { parseScopes } from '../../src/security/scopes.ts';
import { createAuthenticator } from '../../src/security/token/authenticator.ts';
import type { AuthenticatorOptions, TokenOutcome } from '../../src/security/token/authenticator.ts';
import { createIssuer } from '../../src/security/token/issuer.ts';
import type { Issuer } from '../../src/security/token/issuer.ts';
import type { IssuerRules } from '../../src/security/token/rules.ts';
import type { Authenticator } from '../../src/security-ports.ts';
import { answer, parseSearchPlainly, patient, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';
import { PATIENT, startIssuer } from './issuer.ts';
import type { SigningKey, TestIssuer, TokenOptions } from './issuer.ts';

/** A FHIR server that wants tokens, and an issuer of them, both over sockets; the time of tokens is the test's. */
export interface Guarded {
  readonly issuer: TestIssuer;
  readonly base: string;
  readonly running: Running;
  /** The way to the issuer, as Ficus has it. */
  readonly way: Issuer;
  /** Who called, one entry a request that got through. */
  readonly callers: Principal[];
  readonly outcomes: TokenOutcome[];
  /** Moves the time of tokens on. */
  pass(ms: number): void;
  now(): number;
  token(claims?: JWTPayload, options?: TokenOptions): Promise<string>;
  /** `GET Patient/p1` with these headers. */
  get(headers?: Record<string, string>, path?: string): Promise<Response>;
  with(token: string): Promise<Response>;
  close(): Promise<void>;
}

export interface GuardedOptions {
  readonly key: SigningKey;
  readonly rules?: Partial<IssuerRules>;
  readonly egress?: Partial<EgressOptions>;
  readonly authenticator?: Partial<AuthenticatorOptions>;
  /** More of them, beside the issuer of the test. */
  readonly others?: readonly Issuer[];
}

export const CLAIM_NAMES: IssuerRules['claims'] = {
  scope: 'scope',
  patient: 'patient',
  fhirUser: 'fhirUser',
  client: 'client_id',
  roles: 'roles',
  purposes: 'purpose_of_use',
  facility: 'facility',
};

export async function startGuarded(options: GuardedOptions): Promise<Guarded> {
  let now = Date.parse('2027-03-01T08:00:00Z');
  let base = '';
  const clock: Clock = { now: () => now, after: () => () => {} };
  const issuer = await startIssuer({ now: () => now, audience: () => base, key: options.key });
  const egress = createEgress({
    urls: [issuer.url],
    hosts: [],
    networks: [],
    ms: PATIENT.deadlineMs,
    ...options.egress,
  });
  const callers: Principal[] = [];
  const outcomes: TokenOutcome[] = [];
  let authenticator: Authenticator | undefined;
  const running = await startFhirServer(
    (_request: FhirRequest, context) => {
      callers.push(context.principal);
      return answer(patient('p1'));
    },
    { authenticator: { authenticate: (caller) => authenticator!.authenticate(caller) } },
  );
  base = running.base;
  const rules: IssuerRules = {
    issuer: issuer.url,
    audience: [base],
    algorithms: ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'],
    types: ['at+jwt'],
    opaque: false,
    claims: CLAIM_NAMES,
    clockSkewSeconds: 30,
    ...options.rules,
  };
  const way = createIssuer(rules, { egress, clock });
  authenticator = createAuthenticator({
    issuers: [way, ...(options.others ?? [])],
    realm: base,
    grantsOf: (scope) =>
      parseScopes(scope, (type, pairs) => parseSearchPlainly(type, pairs, 'strict')).grants,
    remembered: 100,
    clock,
    count: (outcome) => outcomes.push(outcome),
    ...options.authenticator,
  });
  const get: Guarded['get'] = (headers = {}, path = '/Patient/p1') => fetch(`${base}${path}`, { headers });
  return {
    issuer,
    base,
    running,
    way,
    callers,
    outcomes,
    pass: (ms) => (now += ms),
    now: () => now,
    token: (claims, more) => issuer.token(claims, more),
    get,
    with: (token) => get({ authorization: `Bearer ${token}` }),
    async close() {
      await running.server.close(0);
      await egress.close();
      await issuer.close();
    },
  };
}
