import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startRole } from './facade/role.ts';
import type { Role } from './facade/role.ts';
import type { Measured, Order } from './feed/load.ts';
import { projectionRows } from './feed/projected.ts';
import { costRow, median } from './harness.ts';
import type { Row } from './harness.ts';

// Messages taken over MLLP, synced to disk before each is acknowledged: Ficus, and '@medplum/hl7' and 'simple-hl7' with one durable transaction a message.
// Every server is a process of its own, and so is what sends. Servers take turns, so that whatever else the machine does meets all alike.
// Twice: with no process bound to a core, as all of them are delivered; and with each server on one core and what sends on another, which shows what a message
// costs. The targets are those of the first: nothing that is delivered is bound to a core, and what sends has the same share of the machine whoever answers it.

/** Connections, and how many times the better of the two peers is to be reached. */
const WIDTHS: readonly (readonly [connections: number, target: number])[] = [
  [1, 1.1],
  [8, 3],
  [32, 8],
];
const PEERS = ['medplum', 'simple-hl7'] as const;
const KEEPING_NOTHING = ['medplum-none', 'simple-hl7-none'] as const;
const ROUNDS = 5;
const ROUND_MS = 1_500;
const LONG_RUN = 800_000;

interface Load {
  run(order: Order): Promise<Measured>;
  stop(): void;
}

/** Which core the servers are bound to, and which one what sends; undefined: neither to any. */
interface Binding {
  readonly servers: number;
  readonly load: number;
}
const ONE_EACH: Binding = { servers: 0, load: 1 };

function startLoad(binding: Binding | undefined): Load {
  const args = binding ? [String(binding.load)] : [];
  const child = fork(fileURLToPath(new URL('./feed/load.ts', import.meta.url)), args);
  return {
    async run(order) {
      child.send(order);
      const [answer] = (await once(child, 'message')) as [Measured | { readonly error: string }];
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    },
    stop: () => void child.kill(),
  };
}

type Kind = 'ficus' | 'floor' | (typeof PEERS)[number] | (typeof KEEPING_NOTHING)[number];

/** Medians over the rounds. */
interface Result {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Of the server, a message. */
  readonly cpuUs: number;
}

async function compare(
  servers: ReadonlyMap<Kind, Role>,
  load: Load,
  connections: number,
): Promise<ReadonlyMap<Kind, Result>> {
  const measured = new Map<Kind, (Measured & { readonly cpuUs: number })[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [kind, server] of servers) {
      const { cpuUs: before } = await server.usage();
      const order = { port: server.port, connections, messages: 1_000_000, milliseconds: ROUND_MS };
      const run = await load.run(order);
      const { cpuUs: after } = await server.usage();
      const one = { ...run, cpuUs: (after - before) / run.messages };
      // The first round warms up.
      if (round > 0) measured.set(kind, [...(measured.get(kind) ?? []), one]);
    }
  }
  return new Map(
    Array.from(measured, ([kind, all]) => [
      kind,
      {
        perSecond: median(all.map((one) => one.perSecond)),
        p99Ms: median(all.map((one) => one.p99Ms)),
        cpuUs: median(all.map((one) => one.cpuUs)),
      },
    ]),
  );
}

function rateRow(name: string, ours: number, peer: number, target?: number): Row {
  return {
    name,
    ours,
    peer,
    ratio: ours / peer,
    unit: 'messages/s',
    ...(target === undefined ? {} : { target }),
  };
}

/** Connections as words, and where the processes ran. */
function scene(connections: number, binding: Binding | undefined): string {
  const width = `${connections} connection${connections === 1 ? '' : 's'}`;
  return binding ? `${width}, each server on one core` : width;
}

function bestPeer(results: ReadonlyMap<Kind, Result>): (typeof PEERS)[number] {
  return PEERS.toSorted((a, b) => results.get(b)!.perSecond - results.get(a)!.perSecond)[0]!;
}

/** Against whoever keeps messages. */
function durableRows(results: ReadonlyMap<Kind, Result>, where: string, target?: number): Row[] {
  const ours = results.get('ficus')!;
  const best = bestPeer(results);
  const peer = results.get(best)!;
  return [
    rateRow(
      `${where}: synced before the ACK, against ${best} with a commit a message`,
      ours.perSecond,
      peer.perSecond,
      target,
    ),
    costRow(
      `${where}: p99 of the ACK, against ${best} with a commit a message`,
      ours.p99Ms,
      peer.p99Ms,
      'ms',
    ),
  ];
}

/** What this machine allows at all. */
function floorRow(results: ReadonlyMap<Kind, Result>, where: string): Row {
  const best = bestPeer(results);
  return rateRow(
    `${where}: the floor: frames, a sync for all that wait, and nothing else, against ${best} with a commit a message`,
    results.get('floor')!.perSecond,
    results.get(best)!.perSecond,
  );
}

/** Against what is less than a feed needs. */
function lesserRows(results: ReadonlyMap<Kind, Result>, where: string): Row[] {
  const at = (kind: Kind): Result => results.get(kind)!;
  const ours = at('ficus');
  return [
    floorRow(results, where),
    costRow(
      `${where}: CPU a message, what is kept filed and found again, against the floor`,
      ours.cpuUs,
      at('floor').cpuUs,
      'us CPU',
    ),
    ...KEEPING_NOTHING.map((kind) =>
      rateRow(
        `${where}: synced before the ACK, against ${kind.replace('-none', '')} keeping nothing`,
        ours.perSecond,
        at(kind).perSecond,
      ),
    ),
  ];
}

/** Peak memory of a server that has taken 800,000 messages, against what it was after a quarter of them: until then its threads warm up. */
async function longRun(): Promise<Row> {
  const load = startLoad(ONE_EACH);
  const server = await startRole('../feed/server.ts', ['ficus'], 0);
  const part = { port: server.port, connections: 32, messages: LONG_RUN / 4 };
  await load.run(part);
  const { peakMb: early } = await server.usage();
  for (let nth = 1; nth < 4; nth++) await load.run(part);
  const { peakMb: late } = await server.usage();
  server.stop();
  load.stop();
  return costRow('peak memory after 800,000 messages, against after 200,000', late, early, 'MB', 0.9);
}

/** All widths, with servers of these kinds. */
async function widths(
  kinds: readonly Kind[],
  binding: Binding | undefined,
): Promise<ReadonlyMap<number, ReadonlyMap<Kind, Result>>> {
  const load = startLoad(binding);
  const servers = new Map<Kind, Role>();
  for (const kind of kinds) servers.set(kind, await startRole('../feed/server.ts', [kind], binding?.servers));
  const results = new Map<number, ReadonlyMap<Kind, Result>>();
  for (const [connections] of WIDTHS) results.set(connections, await compare(servers, load, connections));
  for (const server of servers.values()) server.stop();
  load.stop();
  return results;
}

export default async function feedBench(): Promise<Row[]> {
  const delivered = await widths(['ficus', 'floor', ...PEERS], undefined);
  const bound = await widths(['ficus', 'floor', ...PEERS, ...KEEPING_NOTHING], ONE_EACH);
  const rows = WIDTHS.flatMap(([connections, target]) => [
    ...durableRows(delivered.get(connections)!, scene(connections, undefined), target),
    floorRow(delivered.get(connections)!, scene(connections, undefined)),
    ...durableRows(bound.get(connections)!, scene(connections, ONE_EACH)),
    ...lesserRows(bound.get(connections)!, scene(connections, ONE_EACH)),
  ]);
  rows.push(await longRun());
  const [widest] = WIDTHS.at(-1)!;
  rows.push(...(await projectionRows(delivered.get(widest)!.get('ficus')!.perSecond)));
  return rows;
}
