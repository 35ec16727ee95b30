import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  /** SHA-256, capitals, with colons. */
  readonly fingerprint: string;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** An authority of a test, and what it issues; Node makes keys, but no certificates. */
export interface Authority {
  readonly ca: string;
  /** @param more.days until it ends, 2 unless given; fewer than 0: it has */
  issue(subject: string, more?: { readonly days?: number; readonly names?: string }): Identity;
  remove(): void;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-ca-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  openssl(
    'req',
    '-x509',
    ...EC,
    '-days',
    '2',
    '-subj',
    '/CN=ca',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
  );
  let serial = 0;
  return {
    ca: readFileSync(at('ca.crt'), 'utf8'),
    issue(subject, { days = 2, names = 'DNS:feed.test,DNS:localhost,IP:127.0.0.1' } = {}) {
      writeFileSync(at('san'), `subjectAltName=${names}\n`);
      const name = `n${++serial}`;
      const [key, csr, crt] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.crt`)];
      openssl('req', '-new', ...EC, '-subj', subject, '-keyout', key, '-out', csr);
      const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-set_serial', String(serial)];
      openssl(
        'x509',
        '-req',
        '-in',
        csr,
        ...signer,
        '-days',
        String(days),
        '-extfile',
        at('san'),
        '-out',
        crt,
      );
      const cert = readFileSync(crt, 'utf8');
      return { cert, key: readFileSync(key, 'utf8'), fingerprint: new X509Certificate(cert).fingerprint256 };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
