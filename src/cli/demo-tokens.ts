import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Logger } from '../ports.ts';
import { developerToken } from './developer-token.ts';

/** The demo's tokens, each in a file that only the owner may read, renewed while the demo runs. */
export interface DemoTokens {
  /** A header line for curl, from where the demo was started when it is below: a clinician's token. */
  readonly headerFile: string;
  stop(): void;
}

/** Seconds that they last; they are renewed when half of it has passed. */
const SECONDS = 3_600;

/**
 * Writes `token` (a header line of a clinician's token, for `curl -H @FILE`) and `admin-token` (a token of the admin's,
 * for the commands that talk to the admin API) into the state folder.
 *
 * @throws Error when the first ones cannot be had
 */
export async function keepDemoTokens(stateDir: string, log: Logger): Promise<DemoTokens> {
  const headerFile = resolve(stateDir, 'token');
  const write = async (): Promise<void> => {
    const [clinician, admin] = await Promise.all([
      developerToken(stateDir, { seconds: SECONDS }),
      developerToken(stateDir, { role: 'admin', seconds: SECONDS }),
    ]);
    writeFileSync(headerFile, `Authorization: Bearer ${clinician}\n`, { mode: 0o600 });
    writeFileSync(resolve(stateDir, 'admin-token'), `${admin}\n`, { mode: 0o600 });
  };
  await write();
  const renew = (): void => {
    write().catch((error: unknown) => log.warn('The demo has no new token', { error }));
  };
  const timer = setInterval(renew, SECONDS * 500).unref();
  const near = relative('', headerFile);
  return { headerFile: near.startsWith('..') ? headerFile : near, stop: () => clearInterval(timer) };
}
