import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { SandboxAddresses } from '../../sandbox/index.ts';

export interface TourHospital {
  readonly addresses: SandboxAddresses;
  close(): Promise<void>;
}

/** A process that does not end by itself is ended. */
const PATIENCE_MS = 3_000;

/**
 * Starts the sandbox in a process of its own. @throws Error when it ends instead
 * @param others made-up patients beside those with a story
 */
export async function startHospitalProcess(password: string, others: number): Promise<TourHospital> {
  const child = fork(new URL('hospital-child.ts', import.meta.url), {
    env: { ...process.env, TOUR_PASSWORD: password, TOUR_OTHERS: String(others) },
  });
  const ended = once(child, 'exit');
  const addresses = await Promise.race([
    once(child, 'message').then(([message]) => message as SandboxAddresses),
    ended.then(() => undefined),
  ]);
  if (!addresses) throw new Error('The simulated hospital ended before it was ready.');
  return {
    addresses,
    async close() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
