import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';

/** Algorithm of tokens; SMART asks for it or ES384 of clients, and leaves the server's to the server. */
export const SIGNING = 'RS256';
/** How many keys are published: the one that signs, and the one before, until the last token of it has expired. */
const OVERLAPPING = 2;

/** A fresh private key, with its id. */
export async function createKey(algorithm: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: 'sig' };
}

/** A private key without what makes it private. */
export function publicKey({ kty, crv, x, y, n, e, kid, alg, use }: JWK): Record<string, string> {
  const parts = { kty, crv, x, y, n, e, kid, alg, use };
  return Object.fromEntries(Object.entries(parts).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

/** Writes what only the owner may read. */
export function writeSecret(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, content, { mode: 0o600 });
}

/** The keys that sign tokens, newest first; from a file where there is one, so that tokens outlive a restart. */
export async function loadKeys(file: string | undefined): Promise<readonly JWK[]> {
  if (file !== undefined && existsSync(file))
    return (JSON.parse(readFileSync(file, 'utf8')) as { keys: JWK[] }).keys;
  const keys = [await createKey(SIGNING)];
  if (file !== undefined) writeSecret(file, JSON.stringify({ keys }));
  return keys;
}

/** A new key before the ones there are; the oldest goes. */
export async function rotateKeys(keys: readonly JWK[], file: string | undefined): Promise<readonly JWK[]> {
  const rotated = [await createKey(SIGNING), ...keys].slice(0, OVERLAPPING);
  if (file !== undefined) writeSecret(file, JSON.stringify({ keys: rotated }));
  return rotated;
}
