import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { SandboxAddresses } from '../../sandbox/index.ts';

export interface TourHospital {
  readonly addresses: SandboxAddresses;
  close(): Promise<void>;
}

/** Starts the sandbox, with its many patients, in a process of its own. @throws Error when it ends instead */
export async function startHospitalProcess(password: string): Promise<TourHospital> {
  const child = fork(new URL('hospital-child.ts', import.meta.url), {
    env: { ...process.env, TOUR_PASSWORD: password },
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
      await ended;
    },
  };
}
