import { X509Certificate } from 'node:crypto';
import { readFileSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { SecretSource } from '../config/secret.ts';
import type { Clock, Logger } from '../ports.ts';

/** Where certificate, key and authorities are. */
export interface CertificateFiles {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: SecretSource;
}

/** PEM texts as they are now: whoever makes a connection reads them then, and keeps none of them. */
export interface LivePem {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Certificates and keys of a running Ficus, read again when their files change. */
export interface Certificates {
  /**
   * Reads files now, and from then on whenever they change.
   *
   * @param name where the configuration has them, e.g. `listen.tls`
   * @param renewed told when others are in use
   * @throws Error for files that cannot be read, and for a key that is not the certificate's
   */
  use(name: string, files: CertificateFiles, renewed?: () => void): LivePem;
  /** Begins to look at the files. */
  watch(log: Logger): void;
  /** What was changed and cannot be used, and what ends soon. Without a path. */
  problems(): readonly string[];
  close(): void;
}

interface Pem {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

interface Entry {
  readonly name: string;
  readonly folders: readonly string[];
  readonly read: () => Pem;
  readonly renewed: (() => void) | undefined;
  pem: Pem;
  /** What was found last and is not in use. */
  problem: string | undefined;
}

/**
 * Files are looked at so often, in milliseconds, for what the system does not tell (network file systems, containers).
 */
const LOOK_MS = 30_000;
/** Certificate and key are two files: after a change so long is waited for the other. */
const SETTLE_MS = 200;
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

export function createCertificates(options: {
  readonly baseDir: string;
  readonly secret: (source: SecretSource) => string;
  readonly clock: Clock;
}): Certificates {
  const { baseDir, secret, clock } = options;
  const entries: Entry[] = [];
  const watchers = new Map<string, FSWatcher>();
  let log: Logger | undefined;
  let cancelLook = (): void => {};
  let cancelSettle = (): void => {};

  function look(): void {
    for (const entry of entries) {
      const found = usable(entry);
      if (found === undefined) continue;
      entry.pem = found;
      log?.info('Certificates were renewed', { section: entry.name });
      entry.renewed?.();
    }
  }

  /** What is there now, when it differs from what is in use and can be used. */
  function usable(entry: Entry): Pem | undefined {
    let problem: string | undefined;
    let found: Pem | undefined;
    try {
      found = entry.read();
      problem = faultOf(found, clock.now());
    } catch {
      problem = 'a file cannot be read';
    }
    if (found && isSame(found, entry.pem)) problem = undefined;
    if (problem !== undefined && problem !== entry.problem)
      log?.error('Changed certificates cannot be used; the former stay', {
        section: entry.name,
        reason: problem,
      });
    entry.problem = problem;
    return problem === undefined && found && !isSame(found, entry.pem) ? found : undefined;
  }

  function follow(folder: string): void {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        cancelSettle();
        cancelSettle = clock.after(SETTLE_MS, look);
      });
      // What cannot be watched is looked at.
      watcher.on('error', () => watcher.close());
      watchers.set(folder, watcher);
    } catch {
      log?.warn('A folder of certificates cannot be watched; it is looked at now and then');
    }
  }

  function lookAgain(): void {
    look();
    cancelLook = clock.after(LOOK_MS, lookAgain);
  }

  return {
    use(name, files, renewed) {
      const read = (): Pem => readPem(name, files, baseDir, secret);
      const paths = [files.ca, files.certificate, fileOf(files.key)].filter((path) => path !== undefined);
      const folders = [...new Set(paths.map((path) => dirname(resolve(baseDir, path))))];
      const pem = read();
      const fault = pairFault(pem);
      if (fault !== undefined) throw new Error(`${name}: ${fault}`);
      const entry: Entry = { name, folders, read, renewed, pem, problem: undefined };
      entries.push(entry);
      if (log) folders.forEach(follow);
      return livePem(entry);
    },
    watch(to) {
      log = to;
      for (const { folders } of entries) folders.forEach(follow);
      cancelLook = clock.after(LOOK_MS, lookAgain);
    },
    problems: () =>
      entries.flatMap(({ name, pem, problem }) => [
        ...(problem === undefined ? [] : [`${name}: ${problem}; the former certificate stays in use`]),
        ...validityOf(pem, clock.now()).map((text) => `${name}: ${text}`),
      ]),
    close() {
      cancelLook();
      cancelSettle();
      for (const watcher of watchers.values()) watcher.close();
      entries.length = 0;
    },
  };
}

/** Own properties, for a copy of them is what a connection is made with. */
function livePem(entry: Entry): LivePem {
  const live = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    if (entry.pem[name] !== undefined)
      Object.defineProperty(live, name, { enumerable: true, get: () => entry.pem[name] });
  }
  return live;
}

/** @throws Error that says which file of which section cannot be read */
function readPem(
  name: string,
  { ca, certificate, key }: CertificateFiles,
  baseDir: string,
  secret: (source: SecretSource) => string,
): Pem {
  const reading = (part: keyof CertificateFiles, path: string, read: () => string): string => {
    try {
      return read();
    } catch (cause) {
      const isOurs = cause instanceof Error && !('code' in cause);
      throw new Error(`${name}.${part}: ${isOurs ? cause.message : `${path} cannot be read`}`, { cause });
    }
  };
  const file = (part: 'ca' | 'certificate', path: string): string =>
    reading(part, path, () => readFileSync(resolve(baseDir, path), 'utf8'));
  return {
    ca: ca === undefined ? undefined : file('ca', ca),
    cert: certificate === undefined ? undefined : file('certificate', certificate),
    key: key === undefined ? undefined : reading('key', fileOf(key) ?? 'the secret', () => secret(key)),
  };
}

function fileOf(key: SecretSource | undefined): string | undefined {
  return key && 'file' in key ? key.file : undefined;
}

function isSame(one: Pem, other: Pem): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key;
}

/** Why changed files are not taken. */
function faultOf(pem: Pem, now: number): string | undefined {
  const fault = pairFault(pem);
  if (fault !== undefined || pem.cert === undefined) return fault;
  const { validFromDate, validToDate } = new X509Certificate(pem.cert);
  if (validToDate.getTime() <= now) return 'the certificate has expired';
  return validFromDate.getTime() > now ? 'the certificate is not valid yet' : undefined;
}

function pairFault({ ca, cert, key }: Pem): string | undefined {
  try {
    createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    if (ca !== undefined) void new X509Certificate(ca);
    return undefined;
  } catch {
    return 'these are no certificate, its key and authorities';
  }
}

/** What is said of a certificate in use. */
function validityOf({ cert }: Pem, now: number): readonly string[] {
  if (cert === undefined) return [];
  const days = (new X509Certificate(cert).validToDate.getTime() - now) / DAY_MS;
  if (days <= 0) return ['the certificate has expired'];
  return days < SOON_DAYS ? [`the certificate ends in ${Math.floor(days)} days`] : [];
}
