import { createHmac, createSecretKey } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { FicusError } from '../errors.ts';
import type { Authorities } from './authorities.ts';
import { decodeBase32, encodeBase32 } from './base32.ts';
import { createSiv } from './siv.ts';
import type { Siv } from './siv.ts';

/** One sealing key: `id` is the first character of every id it seals. */
export interface SealKey {
  /** One lower-case letter. */
  readonly id: string;
  /** 64 bytes: AES-SIV with 256-bit keys (RFC 5297 §2.2, "AEAD_AES_SIV_CMAC_512"). */
  readonly secret: Uint8Array;
}

/**
 * A FHIR id for a legacy key. `hashed`: the id cannot be opened, only looked up; whoever hands it out remembers it
 * first.
 */
interface SealedId {
  readonly id: string;
  readonly hashed: boolean;
}

export interface Sealer {
  /**
   * The FHIR id of `authority|value` as a resource of this type, by the newest key: the same in every process that has
   * the key.
   * @throws FicusError `internal` when `key` is no legacy key; `legacy-malformed` when its authority is not registered.
   */
  seal(type: string, key: string): SealedId;
  /**
   * The legacy key behind an id; undefined when the id is not one of ours, or of another type. Opens ids of every key.
   */
  open(type: string, id: string): string | undefined;
  /** Whether an id has the form of a hashed one, which the crosswalk knows. */
  isHashed(id: string): boolean;
}

/** FHIR R4 datatypes.html#id. */
const MAX_ID = 64;
const SIV_BYTES = 16;
/** Bytes of `authority|value` that still fit an id after the key's letter and the synthetic IV. */
const MAX_PLAIN = Math.floor(((MAX_ID - 1) * 5) / 8) - SIV_BYTES;
/** FHIR R4 has 148 resource types. */
const MOST_TYPES = 160;
/** After the key's letter; not in the base32 alphabet, so that the two forms cannot meet. */
const HASHED = '-';

/**
 * Mints FHIR ids by AES-SIV (RFC 5297): deterministic, authenticated, reversible by us alone. The resource type is
 * associated data, so an id of one type does not open as another. A key too long for 64 characters becomes HMAC-SHA-256
 * of type and key.
 *
 * @param options.keys newest first; the first mints, all open
 * @param options.remembered how many recent ids are kept, each way (default 10,000)
 * @throws FicusError `invalid` with every problem of the keys
 */
export function createSealer(options: {
  readonly keys: readonly SealKey[];
  readonly authorities: Authorities;
  readonly remembered?: number;
}): Sealer {
  checkKeys(options.keys);
  const [newest] = options.keys as readonly [SealKey, ...SealKey[]];
  const byId = new Map(
    options.keys.map((key) => [
      key.id,
      { secret: key.secret, ciphers: new LRUCache<string, Siv>({ max: MOST_TYPES }) },
    ]),
  );
  const hashSecret = createSecretKey(
    createHmac('sha256', newest.secret).update('ficus: ids by keyed hash').digest(),
  );
  const cache = { max: options.remembered ?? 10_000 };
  const sealed = new LRUCache<string, SealedId>(cache);
  /** By id alone, which is at hand as it is: a name of type and id would be put together and hashed for every read. */
  const opened = new LRUCache<string, { readonly type: string; readonly key: string }>(cache);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder('utf-8', { fatal: true });

  function mint(type: string, key: string): SealedId {
    checkKey(key);
    const plain = encoder.encode(key);
    if (plain.length > MAX_PLAIN) {
      const hash = createHmac('sha256', hashSecret).update(`${type}/${key}`).digest();
      return { id: newest.id + HASHED + encodeBase32(hash), hashed: true };
    }
    return { id: newest.id + encodeBase32(cipherOf(newest.id, type)!.seal(plain)), hashed: false };
  }

  /** undefined: there is no such key. */
  function cipherOf(keyId: string, type: string): Siv | undefined {
    const key = byId.get(keyId);
    if (!key) return undefined;
    let cipher = key.ciphers.get(type);
    if (!cipher) key.ciphers.set(type, (cipher = createSiv(key.secret, encoder.encode(type))));
    return cipher;
  }

  function checkKey(key: string): void {
    const bar = key.indexOf('|');
    if (bar < 1 || bar === key.length - 1) {
      throw new FicusError(
        'internal',
        'A backend answered with an id that is no legacy key (authority|value).',
      );
    }
    if (!options.authorities.find({ name: key.slice(0, bar) })) {
      throw new FicusError(
        'legacy-malformed',
        'The legacy system answered with a number of an assigning authority that is not registered.',
      );
    }
  }

  return {
    seal(type, key) {
      const name = `${type}/${key}`;
      let result = sealed.get(name);
      if (!result) {
        result = mint(type, key);
        sealed.set(name, result);
        // What is listed now is read next.
        if (!result.hashed) opened.set(result.id, { type, key });
      }
      return result;
    },
    open(type, id) {
      const known = opened.get(id);
      if (known?.type === type) return known.key;
      const cipher = id.length > MAX_ID ? undefined : cipherOf(id.charAt(0), type);
      if (!cipher) return undefined;
      const bytes = decodeBase32(id.slice(1));
      if (!bytes || bytes.length <= SIV_BYTES) return undefined;
      try {
        // Not authentic: forged, of another type, or damaged. Which of these is nobody's business.
        const plain = cipher.open(bytes);
        if (!plain) return undefined;
        const key = decoder.decode(plain);
        // A copy: an id that was cut out of an address would keep the whole of that in memory.
        opened.set(structuredClone(id), { type, key });
        return key;
      } catch {
        return undefined;
      }
    },
    isHashed: (id) => id.charAt(1) === HASHED && byId.has(id.charAt(0)),
  };
}

function checkKeys(keys: readonly SealKey[]): void {
  const problems = keys.flatMap((key, index) => [
    ...(/^[a-z]$/.test(key.id) ? [] : [`key ${index + 1}: its id is not one lower-case letter`]),
    ...(key.secret.length === 64
      ? []
      : [`key "${key.id}": the secret has ${key.secret.length} bytes, not 64`]),
    ...(keys.findIndex((other) => other.id === key.id) === index ? [] : [`key "${key.id}" is there twice`]),
  ]);
  if (keys.length === 0) problems.push('there is no key');
  if (problems.length > 0) {
    throw new FicusError('invalid', `Identity keys: ${problems.join('; ')}`, {
      issues: problems.map((diagnostics) => ({ severity: 'error', code: 'invalid', diagnostics })),
    });
  }
}
