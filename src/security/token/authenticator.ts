import { hash as digest } from 'node:crypto';
import { decodeJwt } from 'jose';
import { FicusError } from '../../errors.ts';
import type { Clock, Principal, Side } from '../../ports.ts';
import type { Authenticator, Caller, Grant } from '../../security-ports.ts';
import { LONGEST_LIFE_MS } from '../revocations.ts';
import type { RevocableToken } from '../revocations.ts';
import { bearerToken } from './bearer.ts';
import { principalOfClaims } from './claims.ts';
import { joined, judgeAnswer } from './introspected.ts';
import type { Issuer } from './issuer.ts';
import { createTokenMemory } from './memory.ts';
import type { Remembered, TokenMemory } from './memory.ts';
import { TokenRefusal, refuseToken } from './refusal.ts';
import type { RefusalReason } from './refusal.ts';
import type { Claims } from './rules.ts';
import { peek, verifyToken } from './verify.ts';

export interface AuthenticatorOptions {
  readonly issuers: readonly Issuer[];
  /** FHIR base address: the realm of challenges. */
  readonly realm: string;
  /** What a scope text grants. */
  readonly grantsOf: (scope: string) => readonly Grant[];
  /** Most tokens that are remembered. */
  readonly remembered: number;
  readonly clock: Clock;
  /** Told of a token that is used for the first time, before it is believed; what it rejects with is the answer. */
  readonly firstUse?: (principal: Principal, caller: Caller) => Promise<void>;
  /** Whether a token was revoked here, whatever its issuer says. Asked for every request. */
  readonly revoked?: (token: RevocableToken, issuedAt: number) => boolean;
  /** Breaks the glass for a caller who asks for it (src/security/break-glass.ts). */
  readonly breakGlass?: (headers: Caller['headers'], principal: Principal) => Principal;
  /** Who may choose the side of a canary, and by which header. */
  readonly tester?: { readonly role: string; readonly header: string };
  /** Told what became of each request. */
  readonly count: (outcome: TokenOutcome) => void;
}

/**
 * `verified`: a token was seen for the first time; `remembered`: it was known; `unavailable`: its issuer could not be
 * asked; else why it was refused.
 */
export type TokenOutcome = 'verified' | 'remembered' | 'unavailable' | RefusalReason;

/** RFC 6750 §2.1: `b64token`. */
const B64TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** Longest that a token is believed whose issuer does not say when it ends. */
const LONGEST_MS = 3_600_000;
/** A token that was revoked stays so for this long without asking. */
const REVOKED_MS = 60_000;
/** Seconds after which a caller whose token could not be judged should try again. */
const RETRY_SECONDS = 1;

/**
 * Who calls, by the token they bring. A token is verified once and remembered by its hash until it ends. Where its
 * issuer can be asked, it is asked again in time: beside the requests in the second half of each period, and before the
 * answer once the period is over; when it cannot be asked then, the request is refused (503).
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new TokenAuthenticator(options);
}

class TokenAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #memory: TokenMemory;
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #opaque: Issuer | undefined;
  /** First uses that are under way: a page that sends twenty requests at once has its token verified once. */
  readonly #verifying = new Map<string, Promise<Remembered>>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#memory = createTokenMemory(options.remembered);
    this.#issuers = new Map(options.issuers.map((one) => [one.rules.issuer, one]));
    this.#opaque = options.issuers.find((one) => one.rules.opaque);
  }

  authenticate(caller: Caller): Principal | Promise<Principal> {
    const { realm, clock, count } = this.#options;
    try {
      const token = bearerToken(caller, realm);
      const hash = digest('sha256', token, 'base64url');
      const known = this.#memory.get(hash);
      const now = clock.now();
      if (known && now < known.until) {
        this.#refuseRevoked(known, caller);
        const everyMs = known.issuer.rules.introspection?.everyMs;
        const age = now - known.askedAt;
        if (everyMs === undefined || age < everyMs) {
          if (everyMs !== undefined && age >= everyMs / 2) this.#askAgain(token, hash, known).catch(() => {});
          const principal = this.#stillKnown(known, caller);
          count('remembered');
          return principal;
        }
        return this.#settled(this.#askAgain(token, hash, known), 'remembered', () =>
          this.#stillKnown(known, caller),
        );
      }
      this.#memory.delete(hash);
      let verifying = this.#verifying.get(hash);
      if (!verifying) {
        caller.beforeVerifying?.();
        verifying = this.#verify(token, hash, caller).finally(() => this.#verifying.delete(hash));
        this.#verifying.set(hash, verifying);
      }
      return this.#settled(verifying, 'verified', (found) => this.#stillKnown(found, caller));
    } catch (error) {
      throw this.#counted(error);
    }
  }

  async #settled<T>(
    work: Promise<T>,
    outcome: 'verified' | 'remembered',
    then: (result: T) => Principal,
  ): Promise<Principal> {
    let principal: Principal;
    try {
      principal = then(await work);
    } catch (error) {
      throw this.#counted(error);
    }
    this.#options.count(outcome);
    return principal;
  }

  #stillKnown(known: Remembered, caller: Caller): Principal {
    return this.#asCaller(this.#refuseRevoked(known, caller), caller);
  }

  /** @throws TokenRefusal when its issuer has taken it back, or somebody here has */
  #refuseRevoked(
    { principal, issuedAt }: Pick<Remembered, 'principal' | 'issuedAt'>,
    caller: Caller,
  ): Principal {
    const { realm, revoked } = this.#options;
    if (!principal) throw refuseToken(realm, 'revoked');
    if (principal.access && revoked?.(principal.access, issuedAt)) {
      caller.onRefused?.(principal);
      throw refuseToken(realm, 'revoked');
    }
    return principal;
  }

  /** What the request's own headers add: what a principal may ask for by them, and nothing else. */
  #asCaller(principal: Principal, { headers, onRefused }: Caller): Principal {
    const { tester } = this.#options;
    const caller = this.#behindGlass(principal, headers, onRefused);
    const side = tester && headers[tester.header];
    if (side === undefined || !isSide(side) || !caller.access?.roles.includes(tester!.role)) return caller;
    return { ...caller, side };
  }

  #behindGlass(principal: Principal, headers: Caller['headers'], onRefused: Caller['onRefused']): Principal {
    try {
      return this.#options.breakGlass?.(headers, principal) ?? principal;
    } catch (error) {
      onRefused?.(principal);
      throw error;
    }
  }

  /** Counts a failure, and says what a client may know of it. */
  #counted(error: unknown): unknown {
    const { count } = this.#options;
    if (error instanceof TokenRefusal) {
      count(error.reason);
      return error;
    }
    if (!(error instanceof FicusError) || error.code !== 'unavailable') return error;
    count('unavailable');
    const words = 'Who calls cannot be found out at the moment: the issuer of the token does not answer.';
    return new FicusError('unavailable', words, { retryAfter: RETRY_SECONDS, cause: error });
  }

  /** A token that nobody has seen here. */
  async #verify(token: string, hash: string, caller: Caller): Promise<Remembered> {
    const { realm, clock, firstUse } = this.#options;
    if (!B64TOKEN.test(token)) throw refuseToken(realm, 'form');
    const unverified = peek(token);
    const issuer = unverified ? this.#issuers.get(unverified.issuer) : this.#opaque;
    if (!issuer) throw refuseToken(realm, unverified ? 'issuer' : 'form');
    const { rules, keys, introspection } = issuer;
    const askedAt = clock.now();
    const said =
      keys && unverified
        ? await verifyToken(token, unverified, rules, { find: keys.find, realm, now: askedAt })
        : undefined;
    const answer = await introspection?.ask(token);
    if (introspection && !answer) throw refuseToken(realm, 'revoked');
    const claims = this.#claimsOf(issuer, said, answer);
    const until = untilOf(claims, issuer, askedAt);
    if (until <= askedAt) throw refuseToken(realm, 'expired');
    const principal = this.#principalOf(claims, issuer, token);
    const issuedAt = issuedAtOf(claims, issuer);
    this.#refuseRevoked({ principal, issuedAt }, caller);
    await firstUse?.(principal, caller);
    const remembered: Remembered = { principal, issuer, issuedAt, until, askedAt, asking: undefined };
    this.#memory.set(hash, remembered);
    return remembered;
  }

  /** Asks the issuer whether a token is still good; once at a time. */
  #askAgain(token: string, hash: string, known: Remembered): Promise<void> {
    known.asking ??= this.#ask(token, hash, known).finally(() => (known.asking = undefined));
    return known.asking;
  }

  async #ask(token: string, hash: string, known: Remembered): Promise<void> {
    const { issuer, principal: before } = known;
    const askedAt = this.#options.clock.now();
    const answer = await issuer.introspection!.ask(token);
    if (!answer) {
      known.principal = undefined;
      known.until = Math.min(known.until, askedAt + REVOKED_MS);
      return;
    }
    try {
      // Its signature was verified when it was first seen.
      const said = issuer.keys ? decodeJwt<Claims>(token) : undefined;
      const claims = this.#claimsOf(issuer, said, answer);
      const now = this.#principalOf(claims, issuer, token);
      if (now.key !== before?.key) known.principal = now;
      known.until = untilOf(claims, issuer, askedAt);
      known.askedAt = askedAt;
    } catch (error) {
      this.#memory.delete(hash);
      throw error;
    }
  }

  /** What a token says, as far as its issuer stands by it. One of the two is there. */
  #claimsOf(issuer: Issuer, said: Claims | undefined, answer: Claims | undefined): Claims {
    const { rules } = issuer;
    const { realm, clock } = this.#options;
    if (!said) return judgeAnswer(answer!, rules, { realm, now: clock.now() });
    return answer ? joined(said, answer, rules.claims, realm) : said;
  }

  #principalOf(claims: Claims, { rules }: Issuer, token: string): Principal {
    const { realm, grantsOf } = this.#options;
    const { claims: names, roles = {}, issuer } = rules;
    // The same signature can be written in many ways: what it is of can not.
    const signed = peek(token) ? token.slice(0, token.lastIndexOf('.')) : token;
    const tokenHash = digest('sha256', signed, 'base64url');
    return principalOfClaims(claims, { names, roles, issuer, realm, grantsOf, tokenHash });
  }
}

function isSide(header: string | string[]): header is Side {
  return header === 'legacy' || header === 'modern';
}

function untilOf(claims: Claims, { rules }: Issuer, now: number): number {
  const { exp, iat } = claims;
  const ends = typeof exp === 'number' ? (exp + rules.clockSkewSeconds) * 1000 : now + LONGEST_MS;
  const oldest = typeof iat === 'number' ? (iat + rules.clockSkewSeconds) * 1000 + LONGEST_LIFE_MS : ends;
  return Math.min(ends, oldest);
}

/** Its issuer's clock may be ahead of ours. */
function issuedAtOf({ iat }: Claims, { rules }: Issuer): number {
  return typeof iat === 'number' ? (iat - rules.clockSkewSeconds) * 1000 : Number.NEGATIVE_INFINITY;
}
