import { hkdfSync } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import { readSecret } from '../config/secret.ts';
import type { SecretSource } from '../config/secret.ts';

/** A key ring from the configuration, newest first. */
export interface Key {
  readonly id: string;
  readonly secret: Uint8Array;
}

export interface Secrets {
  readonly identityKeys: readonly Key[];
  readonly pageKeys: readonly Key[];
  /** 32 bytes: divides canaries, hashes evidence, seals samples. */
  readonly migrationKey: Uint8Array;
  /** Text of any other secret of the configuration. */
  readonly text: (source: SecretSource) => string;
}

/**
 * Reads the secrets that a configuration names.
 *
 * @param baseDir folder that relative files are under
 * @throws Error with every one that is missing or malformed, a line each; never with a secret
 */
export function readSecrets(config: Config, env: NodeJS.ProcessEnv, baseDir: string): Secrets {
  const problems: string[] = [];
  const attempt = (path: string, source: SecretSource): string => {
    try {
      return readSecret(source, env, baseDir);
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : 'cannot be read'}`);
      return '';
    }
  };
  const ring = (path: string, keys: Config['pageKeys'], bytes: number): Key[] =>
    keys.map(({ id, secret }, index) => {
      const text = attempt(`${path}.${index}.secret`, secret);
      const decoded = Buffer.from(text, 'base64');
      if (text !== '' && decoded.length !== bytes) {
        problems.push(`${path}.${index}.secret: is ${decoded.length} bytes in base64, not ${bytes}`);
      }
      return { id, secret: decoded };
    });
  const identityKeys = ring('identity.keys', config.identity.keys, 64);
  const pageKeys = ring('pageKeys', config.pageKeys, 32);
  for (const [name, backend] of Object.entries(config.backends)) {
    if (backend.kind === 'soap' && backend.security)
      attempt(`backends.${name}.security.password`, backend.security.password);
    if (backend.kind !== 'projection' && backend.tls?.key)
      attempt(`backends.${name}.tls.key`, backend.tls.key);
  }
  const issuers = config.security === 'open' ? [] : config.security.issuers;
  for (const [index, { introspection }] of issuers.entries())
    for (const name of ['secret', 'key'] as const)
      if (introspection?.[name])
        attempt(`security.issuers.${index}.introspection.${name}`, introspection[name]);
  const migrationKey = migrationKeyOf(config, attempt, problems) ?? derivedKey(identityKeys);
  if (problems.length > 0)
    throw new Error(`The secrets have ${problems.length} problem(s):\n  ${problems.join('\n  ')}`);
  return { identityKeys, pageKeys, migrationKey, text: (source) => readSecret(source, env, baseDir) };
}

function migrationKeyOf(
  { migration }: Config,
  read: (path: string, source: SecretSource) => string,
  problems: string[],
): Uint8Array | undefined {
  if (!migration.key) return undefined;
  const key = Buffer.from(read('migration.key', migration.key), 'base64');
  if (key.length !== 32) problems.push(`migration.key: is ${key.length} bytes in base64, not 32`);
  return key;
}

/** Of the oldest key, so that a new one does not divide canaries anew. */
function derivedKey(identityKeys: readonly Key[]): Uint8Array {
  const oldest = identityKeys.at(-1)?.secret ?? new Uint8Array();
  return new Uint8Array(hkdfSync('sha256', oldest, '', 'ficus: migration', 32));
}
