import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import type { Outgoing } from '../../sandbox/feed/send.ts';
import { startRole } from '../facade/role.ts';
import type { Role } from '../facade/role.ts';
import { costRow } from '../harness.ts';
import type { Row } from '../harness.ts';

/** Patients of a day of messages: some 2,000 of them are ADT and ORU. */
const PATIENTS = 400;
/** Most reads of one measurement. */
const READS = 2_000;
/** Connections of the feed, and between reads a pause, in milliseconds: a client that is not waiting for its turn. */
const CONNECTIONS = 8;
const PAUSE_MS = 2;

/** The ADT and ORU messages of a day in the sandbox's hospital. */
function dayOf(seed: number): Outgoing[] {
  return feedOf(createDay({ patients: PATIENTS, seed, start: Date.UTC(2026, 10, 1 + seed) }), {}, seed)
    .filter(({ event }) => /^(ADT|ORU)\^/.test(event.type))
    .map(({ event, bytes }) => ({ bytes, lane: event.lane }));
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function processed(server: Role, count: number): Promise<void> {
  while ((await server.usage()).count < count) await sleep(10);
}

/** p99 of reads one after another, in milliseconds; until `enough`. */
async function p99OfReads(addresses: readonly string[], enough: () => boolean): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < READS && !enough(); nth++) {
    const from = performance.now();
    const answer = await fetch(addresses[nth % addresses.length]!);
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`a read was answered with ${answer.status}`);
    times.push(performance.now() - from);
    await sleep(PAUSE_MS);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)]!;
}

async function addressesOf(base: string): Promise<string[]> {
  const answer = await fetch(`${base}/Patient?_count=50`);
  const bundle = (await answer.json()) as {
    readonly entry?: readonly { readonly resource: { readonly id: string } }[];
  };
  return (bundle.entry ?? []).map(({ resource }) => `${base}/Patient/${resource.id}`);
}

/**
 * Whole messages through a running Ficus, from the first byte sent to the last message projected, against a third of what the intake takes over 32
 * connections; and what FHIR reads cost meanwhile, against what they cost when no message comes. Two processes: Ficus, and this one, which sends and reads.
 * @param intakeRate messages a second of the same run
 */
export async function projectionRows(intakeRate: number): Promise<Row[]> {
  const fhirPort = await unusedPort();
  const server = await startRole('../feed/ficus.ts', [String(fhirPort)], undefined);
  const base = `http://127.0.0.1:${fhirPort}/fhir/r4`;
  const send = (messages: readonly Outgoing[]) =>
    sendFeed(messages, { host: '127.0.0.1', port: server.port, connections: CONNECTIONS });
  let expected = 0;
  const project = async (messages: readonly Outgoing[]): Promise<number> => {
    const from = performance.now();
    const { answers, sent } = await send(messages);
    if (answers['AA'] !== sent)
      throw new Error(`not every message was acknowledged: ${JSON.stringify(answers)}`);
    expected += sent;
    await processed(server, expected);
    return sent / ((performance.now() - from) / 1000);
  };
  try {
    // The first days warm up.
    for (const seed of [1, 2, 3]) await project(dayOf(seed));
    const rate = await project([4, 5, 6].flatMap(dayOf));
    const addresses = await addressesOf(base);
    await p99OfReads(addresses, () => false);
    const quiet = await p99OfReads(addresses, () => false);
    let ended = false;
    const feeding = project([7, 8, 9, 10].flatMap(dayOf)).finally(() => (ended = true));
    const busy = await p99OfReads(addresses, () => ended);
    await feeding;
    return [
      {
        name: 'ADT and ORU messages received, kept and projected, against a third of the intake over 32 connections',
        ours: rate,
        peer: intakeRate / 3,
        ratio: rate / (intakeRate / 3),
        unit: 'messages/s',
        target: 1,
      },
      costRow('p99 of FHIR reads with the feed at full rate, against without', busy, quiet, 'ms', 0.67),
    ];
  } finally {
    server.stop();
  }
}
