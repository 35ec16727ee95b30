import { createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Clock } from '../ports.ts';

export interface PageKey {
  /** One letter; the first character of every token it seals. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

export interface PageSealerOptions {
  /** Newest first: it seals; all of them open. */
  readonly keys: readonly PageKey[];
  readonly clock: Clock;
  /** How long a token is good for, in milliseconds. */
  readonly lifetimeMs: number;
}

/**
 * Seals where a search goes on into a token that means nothing to a client and works on every replica with the same
 * keys.
 */
export interface PageSealer {
  /** @param binding what the token is good for: a token opens only with the same one. */
  seal(state: unknown, binding: string): string;
  /**
   * @throws FicusError `page-expired` when it is too old or its key is gone, `parameter-invalid` when it is not ours or
   * of another search.
   */
  open(token: string, binding: string): unknown;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @throws RangeError for no key, a key that is not 32 bytes, or an id that is not one letter. */
export function createPageSealer(options: PageSealerOptions): PageSealer {
  const { clock, lifetimeMs } = options;
  if (options.keys.length === 0) throw new RangeError('A page sealer needs a key.');
  for (const { id, secret } of options.keys) {
    if (!/^[A-Za-z]$/.test(id)) throw new RangeError('The id of a page key is one letter.');
    if (secret.length !== 32) throw new RangeError('A page key has 32 bytes.');
  }
  const keys = options.keys.map(({ id, secret }) => ({ id, secret: createSecretKey(secret) }));
  const newest = keys[0]!;
  return {
    seal(state, binding) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, newest.secret, nonce);
      cipher.setAAD(Buffer.from(binding));
      const text = JSON.stringify([clock.now() + lifetimeMs, state]);
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return newest.id + sealed.toString('base64url');
    },
    open(token, binding) {
      const key = keys.find(({ id }) => id === token[0]);
      const sealed = Buffer.from(token.slice(1), 'base64url');
      if (!/^[A-Za-z][\w-]+$/.test(token) || sealed.length <= NONCE_BYTES + TAG_BYTES) throw foreign();
      if (!key) throw expired();
      const [expires, state] = decrypt(key.secret, sealed, binding);
      if (clock.now() >= expires) throw expired();
      return state;
    },
  };
}

/** What a token is bound to: the caller, and the search as it is asked, its page size left out. */
export function pageBinding(query: SearchQuery, principalKey: string): string {
  const { type, filters, sort } = query;
  return hash('sha256', JSON.stringify([principalKey, type, filters, sort]), 'base64url');
}

function decrypt(secret: KeyObject, sealed: Buffer, binding: string): [expires: number, state: unknown] {
  try {
    const decipher = createDecipheriv(CIPHER, secret, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(binding));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString('utf8')) as [number, unknown];
  } catch (cause) {
    throw foreign(cause);
  }
}

function foreign(cause?: unknown): FicusError {
  return new FicusError(
    'parameter-invalid',
    'The page token does not belong to this search. Start it again without one.',
    {
      cause,
      expression: ['_page'],
    },
  );
}

function expired(): FicusError {
  return new FicusError('page-expired', 'The page token has expired. Start the search again without it.', {
    expression: ['_page'],
  });
}
