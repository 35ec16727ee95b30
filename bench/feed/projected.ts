import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outgoing } from '../../sandbox/feed/send.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { startRole } from '../facade/role.ts';
import type { Role } from '../facade/role.ts';
import { costRow } from '../harness.ts';
import type { Row } from '../harness.ts';
import { bareReads, rateOfInserts } from './floors.ts';
import { dayOf, p99OfReads, sendTo } from './traffic.ts';

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

async function addressesOf(base: string): Promise<string[]> {
  const answer = await fetch(`${base}/Patient?_count=50`);
  const bundle = (await answer.json()) as {
    readonly entry?: readonly { readonly resource: { readonly id: string } }[];
  };
  return (bundle.entry ?? []).map(({ resource }) => `${base}/Patient/${resource.id}`);
}

/**
 * Whole messages through a running Ficus, from the first byte sent to the last message projected, against a third of what the intake takes over 32
 * connections; and what FHIR reads cost meanwhile, against what they cost when no message comes. Two processes: Ficus, and this one, which sends and reads. Beside each
 * what this machine allows at all.
 * @param intakeRate messages a second of the same run
 */
export async function projectionRows(intakeRate: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-feed-bench-'));
  try {
    const { rate, messages, quiet, busy } = await projected(folder);
    const floor = rateOfInserts(feedFiles(join(folder, 'state')).projection, folder, messages);
    const bare = await bareReads();
    return [
      againstAThird('ADT and ORU messages received, kept and projected', rate, intakeRate, 1),
      againstAThird('the rows that these messages became, inserted and nothing else', floor, intakeRate),
      costRow('p99 of FHIR reads with the feed at full rate, against without', busy, quiet, 'ms', 0.67),
      costRow(
        'p99 of reads of a bare HTTP server with the floor of the intake at full rate, against without',
        bare.busy,
        bare.quiet,
        'ms',
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function againstAThird(name: string, rate: number, intakeRate: number, target?: number): Row {
  const third = intakeRate / 3;
  return {
    name: `${name}, against a third of the intake over 32 connections`,
    ours: rate,
    peer: third,
    ratio: rate / third,
    unit: 'messages/s',
    ...(target === undefined ? {} : { target }),
  };
}

/** Messages a second, all that were projected, and p99 of reads without and with a feed. Leaves its files. */
async function projected(folder: string) {
  const fhirPort = await unusedPort();
  const server = await startRole('../feed/ficus.ts', [String(fhirPort), folder], undefined);
  const base = `http://127.0.0.1:${fhirPort}/fhir/r4`;
  let messages = 0;
  const project = async (day: readonly Outgoing[]): Promise<number> => {
    const from = performance.now();
    const sent = await sendTo(server.port, day);
    messages += sent;
    await processed(server, messages);
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
    return { rate, messages, quiet, busy };
  } finally {
    server.stop();
  }
}
