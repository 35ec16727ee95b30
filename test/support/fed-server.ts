import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { HOME } from '../../src/compose.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { unusedPort } from '../integration/mllp-core.ts';
import { fedConfig, reach, writeConfig } from './fed.ts';
import type { Home } from './fed.ts';

/** `ficus serve` in a process of its own, on the same ports whenever it is started. */
export interface FedServer extends ReturnType<typeof reach> {
  readonly feedPort: number;
  /** Resolves when it is ready; false when it was killed before. Rejects when it ends by itself. */
  start(): Promise<boolean>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Kills it if it runs, and waits for nothing. */
  end(): void;
}

/** @param change what is different from the configuration of `fedConfig` */
export async function makeServer(
  home: Home,
  change: (loaded: LoadedConfig) => LoadedConfig = (loaded) => loaded,
): Promise<FedServer> {
  const ports = { feed: await unusedPort(), fhir: await unusedPort(), admin: await unusedPort() };
  const file = writeConfig(change(fedConfig(home, [], ports)), home);
  const address = (port: number): string => `http://127.0.0.1:${port}`;
  const reached = reach(`${address(ports.fhir)}/fhir/r4`, address(ports.admin), { hospix: ports.feed });
  let child: ChildProcess | undefined;
  return {
    ...reached,
    feedPort: ports.feed,
    start() {
      child = spawn(process.execPath, [join(HOME, 'bin/ficus.js'), 'serve', '--config', file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const { stdout } = child;
      let log = '';
      return new Promise((resolve, reject) => {
        stdout!.on('data', (chunk: Buffer) => {
          log += String(chunk);
          if (log.includes('Ficus is ready')) resolve(true);
        });
        child!.once('close', (code) => {
          if (code === null) resolve(false);
          else reject(new Error(`ficus serve ended by itself, with ${code}: ${log}`));
        });
      });
    },
    async kill() {
      const exited = once(child!, 'exit');
      child!.kill('SIGKILL');
      await exited;
    },
    end: () => void child?.kill('SIGKILL'),
  };
}
