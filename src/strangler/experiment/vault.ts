import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { FicusError } from '../../errors.ts';

/** Seals text that holds patient data, for a store that must not. */
export interface Vault {
  /** @param binding what the text belongs to; it opens only with the same one */
  seal(text: string, binding: string): Uint8Array;
  /** @throws FicusError `internal` when it was sealed by another key, for another binding, or has been changed */
  open(sealed: Uint8Array, binding: string): string;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) under a key derived by HKDF-SHA256 (RFC 5869), one for each purpose; the binding is
 * authenticated with the text.
 *
 * @param key at least 32 bytes, from the configuration
 * @param purpose what the derived key is for; another purpose does not open what this one sealed
 * @throws RangeError for a key that is too short
 */
export function createVault(key: Uint8Array, purpose: string): Vault {
  const derived = new Uint8Array(hkdfSync('sha256', checked(key), '', purpose, KEY_BYTES));
  return {
    seal(text, binding) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, derived, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(binding));
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, binding) {
      try {
        const decipher = createDecipheriv(CIPHER, derived, sealed.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(Buffer.from(binding));
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
        const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new FicusError(
          'internal',
          'What was sealed does not open: the key is another one, or it was changed.',
          { cause },
        );
      }
    },
  };
}

/** 132 bits of HMAC-SHA256, in base64url: tells what is the same without telling what it is. */
const HASH_CHARACTERS = 22;

/**
 * A keyed hash for evidence that must not hold patient data.
 * @param key at least 32 bytes; @param purpose keeps the hashes of one purpose from matching those of another
 * @throws RangeError for a key that is too short
 */
export function createKeyedHash(key: Uint8Array, purpose: string): (text: string) => string {
  const derived = new Uint8Array(hkdfSync('sha256', checked(key), '', purpose, KEY_BYTES));
  return (text) => createHmac('sha256', derived).update(text).digest('base64url').slice(0, HASH_CHARACTERS);
}

function checked(key: Uint8Array): Uint8Array {
  if (key.length < KEY_BYTES)
    throw new RangeError(`A key of the experiment has at least ${KEY_BYTES} bytes.`);
  return key;
}
