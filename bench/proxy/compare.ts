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
/** Of rounds that load several at once. */
const ROUNDS_TOGETHER = 31;
const ROUND_TOGETHER_MS = 400;

interface RoundOptions {
  readonly request: Buffer;
  readonly connections: number;
  readonly milliseconds: number;
}

async function round(proxy: Proxy, options: RoundOptions, rounds: Rounds): Promise<void> {
  const { request, connections, milliseconds } = options;
  const before = await proxy.usage();
  const { count, perSecond } = await measure({ port: proxy.port, request, connections }, milliseconds);
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
  const options = { request, connections: CONNECTIONS, milliseconds: ROUND_MS };
  for (let done = 0; done < ROUNDS; done += 1) {
    for (const { proxy, rounds } of done % 2 === 0 ? all : all.toReversed()) {
      await round(proxy, options, rounds);
    }
  }
  return all.map(({ rounds }) => rounds);
}

/**
 * Several instances of one program under the same load at the same time, on one core: whatever the machine does meets all of
 * them in the same moment. For programs that should cost the same; where they do not, the cheaper one is held up by the other.
 */
export async function together(proxies: readonly Proxy[], request: Buffer): Promise<Rounds[]> {
  const all = proxies.map((proxy) => ({ proxy, rounds: { perSecond: [], cpuUs: [] } }));
  const connections = CONNECTIONS / proxies.length;
  const options = { request, connections, milliseconds: ROUND_TOGETHER_MS };
  for (let done = 0; done < ROUNDS_TOGETHER; done += 1) {
    await Promise.all(all.map(({ proxy, rounds }) => round(proxy, options, rounds)));
  }
  return all.map(({ rounds }) => rounds);
}
