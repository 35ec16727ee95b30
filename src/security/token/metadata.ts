import { FicusError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { Egress } from '../egress.ts';
import type { Claims } from './rules.ts';

/** What an issuer says of itself (RFC 8414, OpenID Connect Discovery 1.0). */
export interface Metadata {
  /** The newest that is known; undefined: it was never reached. */
  known(): Claims | undefined;
  /** @throws FicusError `unavailable` */
  get(): Promise<Claims>;
}

/** After this it is asked for anew; what is known stays good while that fails. */
const FRESH_MS = 3_600_000;
/** Longest pause between two attempts. */
const PAUSE_MS = 1_000;

/** Reads an issuer's metadata when they are needed, and keeps them. */
export function createMetadata(issuer: string, egress: Egress, clock: Clock): Metadata {
  let known: Claims | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let pending: Promise<Claims> | undefined;
  const read = async (): Promise<Claims> => {
    try {
      known = await readMetadata(issuer, egress);
      readAt = clock.now();
      return known;
    } catch (error) {
      failedAt = clock.now();
      failure = error;
      if (known) return known;
      throw error;
    } finally {
      pending = undefined;
    }
  };
  return {
    known: () => known,
    async get() {
      if (known && clock.now() - readAt < FRESH_MS) return known;
      if (!pending && clock.now() - failedAt < PAUSE_MS) {
        if (known) return known;
        throw failure;
      }
      pending ??= read();
      return known ?? pending;
    },
  };
}

/** The first of the two addresses that answers. */
async function readMetadata(issuer: string, egress: Egress): Promise<Claims> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  for (const address of [
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]) {
    const { status, body } = await egress.json(address);
    if (status === 404) continue;
    if (status !== 200 || typeof body !== 'object' || body === null || Array.isArray(body))
      throw new FicusError('unavailable', `The issuer's metadata cannot be had: HTTP status ${status}`);
    // RFC 8414 §3.3: or anybody could speak for it.
    if ((body as Claims)['issuer'] !== issuer)
      throw new FicusError('unavailable', "The issuer's metadata are about another issuer");
    return body as Claims;
  }
  throw new FicusError('unavailable', 'The issuer has no metadata where they belong');
}

/** An address out of metadata. @throws FicusError `unavailable` when there is none */
export function addressIn(metadata: Claims, name: string): string {
  const value = metadata[name];
  if (typeof value === 'string') return value;
  throw new FicusError('unavailable', `The issuer's metadata have no ${name}`);
}
