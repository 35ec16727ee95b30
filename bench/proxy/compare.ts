import { median } from '../harness.ts';
import { measure, warmUp } from './load.ts';
import type { Proxy } from './processes.ts';

/** What the rounds of one proxy gave, in their order. */
export interface Rounds {
  readonly perSecond: number[];
  /** CPU microseconds a request; empty for a program that cannot be asked. */
  readonly cpuUs: number[];
}

export const CONNECTIONS = 64;
const ROUNDS = 9;
const ROUND_MS = 800;

async function round(proxy: Proxy, request: Buffer, rounds: Rounds): Promise<void> {
  const before = await proxy.usage();
  const { count, perSecond } = await measure(
    { port: proxy.port, request, connections: CONNECTIONS },
    ROUND_MS,
  );
  const after = await proxy.usage();
  rounds.perSecond.push(perSecond);
  if (before && after) rounds.cpuUs.push((after.cpuUs - before.cpuUs) / count);
}

/** Lets the compiler finish with each program: what is measured is how it runs for hours, not how it starts. */
export async function warmUpAll(proxies: readonly Proxy[], request: Buffer, requests: number): Promise<void> {
  for (const { port } of proxies) await warmUp({ port, request, connections: CONNECTIONS }, requests);
}

/** Several proxies under the same load. Rounds alternate, every other one the other way round: what else the machine does meets all alike. */
export async function alternate(proxies: readonly Proxy[], request: Buffer): Promise<Rounds[]> {
  const all = proxies.map((proxy) => ({ proxy, rounds: { perSecond: [], cpuUs: [] } }));
  for (let done = 0; done < ROUNDS; done += 1) {
    for (const { proxy, rounds } of done % 2 === 0 ? all : all.toReversed()) {
      await round(proxy, request, rounds);
    }
  }
  return all.map(({ rounds }) => rounds);
}

/** How many times more the first gave than the second: median over the rounds, each compared with the one beside it. */
export function pairedRatio(ours: readonly number[], peers: readonly number[]): number {
  return median(ours.map((value, at) => value / (peers[at] ?? Number.NaN)));
}
