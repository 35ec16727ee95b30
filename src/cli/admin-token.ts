import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

/** Where a demo keeps a token for the commands of this machine, from where it was started. */
const DEMO_TOKEN = '.ficus/admin-token';
const READABLE_BY_OTHERS = 0o077;

/**
 * The token of the running demo; undefined: there is no demo here, or `admin` is not on this machine, and the token is
 * nobody else's.
 *
 * @param admin address of the admin API
 * @throws Error for a file that others may read
 */
export function demoToken(admin: string, file = resolve(DEMO_TOKEN)): string | undefined {
  const host = URL.parse(admin)?.hostname ?? '';
  const local = host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
  const stat = local ? statSync(file, { throwIfNoEntry: false }) : undefined;
  if (!stat?.isFile()) return undefined;
  // Windows has no such bits.
  if (process.platform !== 'win32' && (stat.mode & READABLE_BY_OTHERS) !== 0)
    throw new Error(`${file} holds a token, and others may read it: chmod 600 ${file}`);
  const token = readFileSync(file, 'utf8').trim();
  return token === '' ? undefined : token;
}
