import type { Clock } from '../../ports.ts';
import type { Egress } from '../egress.ts';
import { createIntrospection } from './introspect.ts';
import type { Introspection } from './introspect.ts';
import { createKeySource } from './keys.ts';
import type { KeySource } from './keys.ts';
import { addressIn, createMetadata } from './metadata.ts';
import type { Metadata } from './metadata.ts';
import type { IssuerRules } from './rules.ts';

/** One maker of tokens, and the ways to ask it. */
export interface Issuer {
  readonly rules: IssuerRules;
  readonly metadata: Metadata;
  /** Absent: its tokens are only asked after. */
  readonly keys?: KeySource;
  readonly introspection?: Introspection;
  /** Asks it for what is needed to judge tokens. Never rejects: what is missing is asked for again. */
  prepare(): Promise<void>;
  /** What keeps its tokens from being judged, in words; undefined: nothing does. */
  problem(): string | undefined;
}

export function createIssuer(
  rules: IssuerRules,
  { egress, clock }: { readonly egress: Egress; readonly clock: Clock },
): Issuer {
  const metadata = createMetadata(rules.issuer, egress, clock);
  const addressOf = (configured: string | undefined, name: string) => async (): Promise<string> =>
    configured ?? addressIn(await metadata.get(), name);
  const keys = rules.opaque
    ? undefined
    : createKeySource(addressOf(rules.jwks, 'jwks_uri'), { egress, clock });
  const introspection =
    rules.introspection &&
    createIntrospection(rules.introspection, {
      addressOf: addressOf(rules.introspection.url, 'introspection_endpoint'),
      issuer: rules.issuer,
      egress,
      clock,
    });
  return {
    rules,
    metadata,
    ...(keys ? { keys } : {}),
    ...(introspection ? { introspection } : {}),
    async prepare() {
      await Promise.allSettled([metadata.get(), keys?.load()]);
    },
    problem: () => keys?.problem() ?? introspection?.problem(),
  };
}
