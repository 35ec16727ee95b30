import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { FicusError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { Egress } from '../egress.ts';

/** The public keys of one issuer (RFC 7517). */
export interface KeySource {
  /**
   * Finds the key of a token. An unknown `kid` has the keys read again, but not more often than every few seconds.
   * @throws FicusError `unavailable` when the keys cannot be had; errors of jose when there is none for this token
   */
  readonly find: JWTVerifyGetKey;
  /** Reads them for the first time. @throws FicusError `unavailable` */
  load(): Promise<void>;
  /** Why the last reading failed; undefined: it did not. */
  problem(): string | undefined;
}

/** They are read again after this, beside the requests. */
const FRESH_MS = 5 * 60_000;
/** After this they are not believed any more: a key that its issuer has withdrawn must not live on. */
const STALE_MS = 60 * 60_000;
/** Least time between two readings, whoever asks. */
const PAUSE_MS = 5_000;
/** The same after one that failed. */
const FAILED_PAUSE_MS = 1_000;

export function createKeySource(
  addressOf: () => Promise<string>,
  { egress, clock }: { readonly egress: Egress; readonly clock: Clock },
): KeySource {
  let keys: JWTVerifyGetKey | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: FicusError | undefined;
  let pending: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    triedAt = clock.now();
    try {
      const { status, body } = await egress.json(await addressOf());
      if (status !== 200) throw new FicusError('unavailable', `The issuer's keys cannot be had: HTTP status ${status}`); // prettier-ignore
      keys = createLocalJWKSet(body as JSONWebKeySet);
      readAt = clock.now();
      failure = undefined;
    } catch (error) {
      failure =
        error instanceof FicusError
          ? error
          : new FicusError('unavailable', "The issuer's keys are no JSON Web Key Set", { cause: error });
    } finally {
      pending = undefined;
    }
  };
  const reload = (): Promise<void> => (pending ??= read());
  /** Waits for keys that may be used. */
  const usable = async (): Promise<JWTVerifyGetKey> => {
    const age = clock.now() - readAt;
    if (age >= FRESH_MS && (pending || clock.now() - triedAt >= FAILED_PAUSE_MS)) {
      const reading = reload();
      if (!keys || age >= STALE_MS) await reading;
    }
    if (keys && clock.now() - readAt < STALE_MS) return keys;
    throw failure ?? new FicusError('unavailable', "The issuer's keys cannot be had");
  };
  return {
    problem: () => failure?.message,
    load: async () => void (await usable()),
    async find(header, token) {
      const known = await usable();
      try {
        return await known(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        const pause = failure ? FAILED_PAUSE_MS : PAUSE_MS;
        if (!pending && clock.now() - triedAt < pause) throw failure ?? error;
        await reload();
        if (failure) throw failure;
        return keys!(header, token);
      }
    },
  };
}
