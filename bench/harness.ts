/** One line of a result: two figures side by side and how they compare. */
export interface Row {
  readonly name: string;
  readonly ours: number;
  /** The peer of the same run, or what ours is measured against. */
  readonly peer: number;
  /** How many times better ours is; below 1 it is worse. */
  readonly ratio: number;
  /** Of `ours` and `peer`. */
  readonly unit: string;
  /** The ratio to reach. */
  readonly target?: number;
}

/** What a bench file (`bench/*.bench.ts`) exports as default. */
export type Bench = () => Promise<readonly Row[]>;

/** A row of costs, where less is better. */
export function costRow(name: string, ours: number, peer: number, unit: string, target?: number): Row {
  return { name, ours, peer, ratio: peer / ours, unit, ...(target === undefined ? {} : { target }) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** CPU of this process, user and system, in microseconds a call of `work`, which makes `operations` of them. */
export async function cpuMicroseconds(operations: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / operations;
}

let sink: unknown;

/** Keeps a result alive, so that no work is optimised away. */
function keep(value: unknown): unknown {
  sink = value;
  return sink;
}

/** A function to measure: does the work once and gives something of it. */
export type Operation = () => unknown;

interface RoundOptions {
  readonly rounds?: number;
  readonly roundMs?: number;
}

/**
 * CPU microseconds an operation of several synchronous candidates: each warmed up, then measured in rounds that alternate between them, so that whatever
 * else the machine does meets all alike. Gives the medians in the order of the candidates.
 */
export async function compareOperations(
  candidates: readonly Operation[],
  options: RoundOptions = {},
): Promise<number[]> {
  return (await roundsOf(candidates, options)).map(median);
}

/** The rounds themselves, by candidate, as `compareOperations` measures them; every other one is the other way round. */
export async function roundsOf(
  candidates: readonly Operation[],
  { rounds = 15, roundMs = 60 }: RoundOptions = {},
): Promise<number[][]> {
  const all = candidates.map((operation) => ({
    operation,
    count: calibrate(operation, roundMs),
    costs: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { operation, count, costs } of round % 2 === 0 ? all : all.toReversed()) {
      const cost = await cpuMicroseconds(count, () => {
        for (let done = 0; done < count; done++) keep(operation());
      });
      costs.push(cost);
    }
  }
  return all.map(({ costs }) => costs);
}

/** How many times more the first gave than the second: median over the rounds, each compared with the one beside it. */
export function pairedRatio(ours: readonly number[], peers: readonly number[]): number {
  return median(ours.map((value, at) => value / (peers[at] ?? Number.NaN)));
}

/** By then what runs often is compiled, also where other threads are slow to do it. */
const WARM_UP_MS = 400;

/** Runs until warm, by CPU time: a busy machine must not cut it short. Gives how many operations fill a round. */
function calibrate(operation: Operation, roundMs: number): number {
  const wanted = Math.max(WARM_UP_MS, 4 * roundMs) * 1_000;
  let count = 0;
  let used = 0;
  const before = process.cpuUsage();
  while (used < wanted) {
    for (let done = 0; done < 50; done++) keep(operation());
    count += 50;
    const { user, system } = process.cpuUsage(before);
    used = user + system;
  }
  return Math.max(1, Math.round((count * roundMs * 1_000) / used));
}

/** As `compareOperations`, for candidates that take a number of operations and do them asynchronously. */
export async function compareRuns(
  candidates: readonly ((operations: number) => Promise<unknown>)[],
  {
    rounds = 7,
    operations,
    warmUp = operations,
  }: { readonly rounds?: number; readonly operations: number; readonly warmUp?: number },
): Promise<number[]> {
  const costs = candidates.map((): number[] => []);
  for (const run of candidates) await run(warmUp);
  for (let round = 0; round < rounds; round++) {
    for (const [index, run] of candidates.entries())
      costs[index]!.push(await cpuMicroseconds(operations, () => run(operations)));
  }
  return costs.map(median);
}
