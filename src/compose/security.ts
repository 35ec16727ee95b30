import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Counter } from 'prom-client';
import { agentOf } from '../audit/agent.ts';
import type { SecretSource } from '../config/secret.ts';
import type { GuardedConfig, IssuerConfig } from '../config/security-schema.ts';
import type { Contract } from '../contract/contract.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock, Logger } from '../ports.ts';
import { createEgress } from '../security/egress.ts';
import { parseScopes } from '../security/scopes.ts';
import type { ParseConstraint } from '../security/scopes.ts';
import { smartConfiguration } from '../security/smart-configuration.ts';
import type { SmartConfiguration } from '../security/smart-configuration.ts';
import { createAuthenticator } from '../security/token/authenticator.ts';
import type { AuthenticatorOptions, TokenOutcome } from '../security/token/authenticator.ts';
import { createIssuer } from '../security/token/issuer.ts';
import type { IssuerRules } from '../security/token/rules.ts';
import type { AuditSink, Authenticator, Grant } from '../security-ports.ts';

/** Whose tokens are believed, and what apps are told of it. */
export interface Security {
  /**
   * Of the FHIR API; with other terms of another port.
   * @param terms.audience `aud` of its tokens
   * @param terms.issuers some of those that are configured; absent: all
   */
  authenticator(terms?: {
    readonly realm: string;
    readonly audience: readonly string[];
    readonly issuers?: readonly string[];
  }): Authenticator;
  /** `.well-known/smart-configuration`. @throws FicusError `unavailable` while the first issuer was never reached */
  smartConfiguration(): Promise<SmartConfiguration>;
  /** The same as far as it is known, without asking. The same object while nothing has changed. */
  knownConfiguration(): SmartConfiguration | undefined;
  /** Issuers whose tokens cannot be judged now, in words. */
  problems(): readonly string[];
  /** Asks the issuers for what will be needed. Does not wait: Ficus starts without them. */
  start(): void;
  close(): Promise<void>;
}

export interface SecurityOptions {
  readonly config: GuardedConfig;
  /** Folder that relative files are under. */
  readonly baseDir: string;
  readonly secret: (source: SecretSource) => string;
  readonly publicBase: string;
  readonly contract: Contract;
  /** Reads the search parameters of granular scopes. */
  readonly parseConstraint: ParseConstraint;
  /** Header by which a tester chooses a side. */
  readonly sideHeader: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'registry'>;
  /** Told of the first use of a token. */
  readonly audit?: AuditSink;
  readonly breakGlass?: NonNullable<AuthenticatorOptions['breakGlass']>;
  readonly revoked?: NonNullable<AuthenticatorOptions['revoked']>;
}

/** Scope texts whose grants are kept: there are far fewer of them than tokens. */
const KEPT_SCOPES = 1_000;

/** @throws Error for a certificate file or a private key that cannot be used */
export function createSecurity(options: SecurityOptions): Security {
  const { config, baseDir, publicBase, contract, clock, sideHeader, audit, breakGlass, revoked } = options;
  const egress = createEgress({
    urls: config.issuers.flatMap((one) => addressesOf(one)),
    hosts: config.egress.hosts,
    networks: config.egress.networks,
    ms: config.egress.deadlineMs,
    ...(config.egress.ca === undefined
      ? {}
      : { ca: readFileSync(resolve(baseDir, config.egress.ca), 'utf8') }),
  });
  const issuers = config.issuers.map((one, index) =>
    createIssuer(rulesOf(one, index, options), { egress, clock }),
  );
  const [first] = issuers;
  const problems = (): readonly string[] =>
    issuers.flatMap((one) => {
      const problem = one.problem();
      return problem === undefined ? [] : [`${one.rules.issuer}: ${problem}`];
    });
  const count = told(counter(options.metrics), problems, options);
  const grantsOf = rememberedGrants(options);
  let described: { readonly metadata: object; readonly document: SmartConfiguration } | undefined;
  const knownConfiguration = (): SmartConfiguration | undefined => {
    const metadata = first?.metadata.known();
    if (!metadata) return undefined;
    if (described?.metadata !== metadata)
      described = { metadata, document: smartConfiguration(metadata, contract) };
    return described.document;
  };
  return {
    authenticator: (terms) =>
      createAuthenticator({
        issuers: issuers
          .filter(({ rules }) => terms?.issuers?.includes(rules.issuer) ?? true)
          .map((one) => (terms ? { ...one, rules: { ...one.rules, audience: terms.audience } } : one)),
        realm: terms?.realm ?? publicBase,
        grantsOf,
        remembered: config.remembered,
        clock,
        ...(audit
          ? {
              firstUse: ({ access, ...principal }, { address, requestId }) =>
                audit.write([
                  {
                    kind: 'token',
                    outcome: 'success',
                    agent: agentOf({ ...principal, ...(access ? { access } : {}) }, address),
                    requestId,
                    action: 'token.use',
                    patients: access?.patient === undefined ? [] : [access.patient],
                    references: [],
                  },
                ]),
            }
          : {}),
        ...(breakGlass ? { breakGlass } : {}),
        ...(revoked ? { revoked } : {}),
        tester: { role: config.testerRole, header: sideHeader },
        count,
      }),
    async smartConfiguration() {
      await first?.metadata.get();
      return knownConfiguration() ?? {};
    },
    knownConfiguration,
    problems,
    start() {
      void Promise.all(issuers.map((one) => one.prepare())).then(() => {
        for (const reason of problems())
          options.log.warn('An issuer of tokens cannot be reached: its tokens are answered with 503', {
            reason,
          });
      });
    },
    close: () => egress.close(),
  };
}

function addressesOf({ issuer, jwks, introspection }: IssuerConfig): string[] {
  return [issuer, jwks, introspection?.url].filter((url) => url !== undefined);
}

function rulesOf(config: IssuerConfig, index: number, { secret, publicBase }: SecurityOptions): IssuerRules {
  const { introspection: asked, audience = [publicBase], ...rest } = config;
  if (!asked) return { ...rest, audience };
  const { url, clientId, keyId, algorithm, everySeconds } = asked;
  const text = secret((asked.secret ?? asked.key)!);
  if (asked.key) checkKey(text, algorithm, `security.issuers.${index}.introspection.key`);
  return {
    ...rest,
    audience,
    introspection: {
      ...(url === undefined ? {} : { url }),
      clientId,
      proof: asked.key
        ? { kind: 'key', pem: text, ...(keyId === undefined ? {} : { keyId }), algorithm }
        : { kind: 'secret', secret: text },
      everyMs: everySeconds * 1000,
    },
  };
}

/** A key that cannot sign is told at start, not by the first request. */
function checkKey(pem: string, algorithm: 'RS384' | 'ES384', path: string): void {
  let fits = false;
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
    fits =
      algorithm === 'RS384'
        ? asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
        : asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'secp384r1';
  } catch {
    // Said below, without a word of what was in the file.
  }
  if (!fits || !pem.includes('BEGIN PRIVATE KEY'))
    throw new Error(`${path}: is no private key for ${algorithm} in PKCS #8 PEM`);
}

/** Grants by scope text. What grants nothing is told once. */
function rememberedGrants({ parseConstraint, log }: SecurityOptions): (scope: string) => readonly Grant[] {
  const known = new Map<string, readonly Grant[]>();
  return (scope) => {
    const found = known.get(scope);
    if (found) return found;
    const { grants, refused } = parseScopes(scope, parseConstraint);
    for (const { why } of refused) log.debug('A scope of a token grants nothing', { reason: why });
    if (known.size >= KEPT_SCOPES) known.clear();
    known.set(scope, grants);
    return grants;
  };
}

/** Counts in plain numbers, for it is done for each request; the metric takes them when it is read. */
function counter({ registry }: Pick<Metrics, 'registry'>): (outcome: TokenOutcome) => void {
  const counts = new Map<TokenOutcome, number>();
  void new Counter({
    name: 'ficus_tokens_total',
    help: 'Requests by what became of their token: verified, remembered, unavailable, or why it was refused',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, total] of counts) this.inc({ outcome }, total);
    },
  });
  return (outcome) => void counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
}

/** Between two lines of the log about issuers that do not answer. */
const QUIET_MS = 30_000;

/** Says in the log, too, that tokens cannot be judged; not for each of them. */
function told(
  count: (outcome: TokenOutcome) => void,
  problems: () => readonly string[],
  { clock, log }: Pick<SecurityOptions, 'clock' | 'log'>,
): (outcome: TokenOutcome) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (outcome) => {
    count(outcome);
    if (outcome !== 'unavailable' || clock.now() - saidAt < QUIET_MS) return;
    saidAt = clock.now();
    log.warn('Tokens are answered with 503: they cannot be judged', { reason: problems().join('; ') });
  };
}
