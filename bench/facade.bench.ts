import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLoad } from './facade/load.ts';
import type { Load, Measured, NextRequest, Prepared } from './facade/load.ts';
import { createIds } from './facade/places.ts';
import { pinSelf, startRole } from './facade/role.ts';
import type { Role } from './facade/role.ts';
import { costRow, median } from './harness.ts';
import type { Row } from './harness.ts';

// A Patient read through MLLP: Ficus as it is delivered (all Layers, log at info into a file, metrics) against the plain stack
// of 'express', 'hl7-standard', 'opossum' and 'winston', and against the bare exchange of our own MLLP pool with the same core. Each is a
// process of its own on one core; the load and the legacy core are on the other. Rounds alternate; medians are compared. Beside them runs the floor:
// node:http and the pool with nothing between them, which says how much of every figure is not Ficus.

const ROUNDS = 5;
const ROUND_MS = 1_200;
const CLIENTS = 64;
const CONNECTIONS = 8;
const SLOW_MS = 20;
/** CPU microseconds that a read may cost above the bare exchange. */
const BUDGET_US = 80;
/** Patients read in turn; far fewer than the ids that Ficus remembers. */
const PATIENTS = 2_000;
/** Many more than those: every id has to be opened anew. */
const STRANGERS = 40_000;
/** Reads after which the code is warm: before that the compiler takes a good part of the CPU. */
const WARM = 50_000;

/** Requests for so many patients in turn. */
function reads(count: number, idOf: (number: string) => string): NextRequest {
  const prepared = Array.from({ length: count }, (_, at): Prepared => {
    const number = String(100_000 + at);
    const request = `GET /fhir/r4/Patient/${idOf(number)} HTTP/1.1\r\nHost: ficus.example\r\nAccept: application/fhir+json\r\n\r\n`;
    return { request: Buffer.from(request), expected: Buffer.from(`"${number}"`) };
  });
  let turn = 0;
  return () => prepared[(turn += 1) % count]!;
}

/** One that is measured under load. */
interface Candidate {
  readonly load: Load;
  readonly role: Role;
  readonly next: NextRequest;
  readonly perSecond: number[];
  readonly cpuUs: number[];
  readonly p50Ms: number[];
}

function candidate(role: Role, next: NextRequest): Candidate {
  return { role, next, load: createLoad(role.port, CLIENTS), perSecond: [], cpuUs: [], p50Ms: [] };
}

async function round({ load, role, next, perSecond, cpuUs, p50Ms }: Candidate): Promise<void> {
  await load.run(next, ROUND_MS / 6);
  const before = await role.usage();
  const measured = await load.run(next, ROUND_MS);
  const after = await role.usage();
  perSecond.push(measured.perSecond);
  p50Ms.push(measured.p50Ms);
  cpuUs.push((after.cpuUs - before.cpuUs) / measured.reads);
}

async function warmUp(load: Load, next: NextRequest): Promise<void> {
  for (let done = 0; done < WARM;) done += (await load.run(next, ROUND_MS)).reads;
}

/** CPU microseconds of one exchange of the pool alone. */
async function bareRound(bare: Role): Promise<number> {
  bare.tell('start');
  await pause(ROUND_MS / 6);
  const before = await bare.usage();
  await pause(ROUND_MS);
  const after = await bare.usage();
  bare.tell('stop');
  return (after.cpuUs - before.cpuUs) / (after.count - before.count);
}

/** Exchanges a second of the pool alone. */
async function bareRate(bare: Role): Promise<number> {
  bare.tell('start');
  await pause(ROUND_MS / 6);
  const [before, startedAt] = [(await bare.usage()).count, performance.now()];
  await pause(ROUND_MS);
  const [after, endedAt] = [(await bare.usage()).count, performance.now()];
  bare.tell('stop');
  // What was begun still comes to its end.
  await pause(ROUND_MS / 6);
  return ((after - before) * 1_000) / (endedAt - startedAt);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function fastCore(start: Start): Promise<Row[]> {
  const core = await start('core.ts', ['0'], 0);
  const port = String(core.port);
  const idOf = createIds();
  const ours = candidate(await start('ficus.ts', [port], 1), reads(PATIENTS, idOf));
  const strangers = { ...ours, next: reads(STRANGERS, idOf), perSecond: [], cpuUs: [], p50Ms: [] };
  await warmUp(ours.load, strangers.next);
  await warmUp(ours.load, ours.next);
  const plain = reads(PATIENTS, (number) => number);
  const card = candidate(await start('card.ts', [port], 1), plain);
  await warmUp(card.load, plain);
  const floor = candidate(await start('floor.ts', [port], 1), plain);
  await warmUp(floor.load, plain);
  const bare = await start('bare.ts', [port], 1);
  const bareUs: number[] = [];
  for (let done = 0; done < ROUNDS; done += 1) {
    await round(ours);
    await round(card);
    await round(floor);
    bareUs.push(await bareRound(bare));
  }
  // Afterwards, for they drive the others out of what Ficus remembers.
  for (let done = 0; done < ROUNDS; done += 1) await round(strangers);
  const above = median(ours.cpuUs) - median(bareUs);
  const [ourMb, cardMb] = [(await ours.role.usage()).peakMb, (await card.role.usage()).peakMb];
  const throughput = median(ours.perSecond);
  const name = `Patient read through MLLP, ${CLIENTS} clients`;
  const least = 'node:http and the pool with nothing between them';
  const floorAbove = median(floor.cpuUs) - median(bareUs);
  return [
    { name: `${name} (card's packages)`, ours: throughput, peer: median(card.perSecond), ratio: throughput / median(card.perSecond), unit: 'reads/s', target: 4 },
    costRow(`${name}: median time (card's packages)`, median(ours.p50Ms), median(card.p50Ms), 'ms'),
    costRow(`${name}: CPU (card's packages)`, median(ours.cpuUs), median(card.cpuUs), 'us CPU a read'),
    costRow(`${name}: CPU above the bare exchange of ${median(bareUs).toFixed(1)} us (what it may be)`, above, BUDGET_US, 'us CPU a read', 1),
    costRow(`${name}: ${least}: CPU above the bare exchange (what it may be)`, floorAbove, BUDGET_US, 'us CPU a read'),
    { name: `${name}: ${least} (card's packages)`, ours: median(floor.perSecond), peer: median(card.perSecond), ratio: median(floor.perSecond) / median(card.perSecond), unit: 'reads/s' },
    costRow(`${name}: CPU above the bare exchange, ids not seen lately (what it may be)`, median(strangers.cpuUs) - median(bareUs), BUDGET_US, 'us CPU a read'),
    costRow(`${name}: peak memory (card's packages)`, ourMb, cardMb, 'MB'),
  ]; // prettier-ignore
}

async function slowCore(start: Start): Promise<Row[]> {
  const core = await start('core.ts', ['0'], 0);
  const port = String(core.port);
  const ours = candidate(await start('ficus.ts', [port], 1), reads(PATIENTS, createIds()));
  const bare = await start('bare.ts', [port], 1);
  const one = ours.next();
  const different: number[] = [];
  const exchanged: number[] = [];
  const shared: number[] = [];
  await warmUp(ours.load, ours.next);
  core.tell(`delay ${SLOW_MS}`);
  for (let done = 0; done < ROUNDS; done += 1) {
    different.push((await ours.load.run(ours.next, ROUND_MS)).perSecond);
    exchanged.push(await bareRate(bare));
    const before = (await core.usage()).count;
    const { reads: hot }: Measured = await ours.load.run(() => one, ROUND_MS);
    shared.push(hot / ((await core.usage()).count - before));
  }
  const allowed = CONNECTIONS * (1_000 / SLOW_MS);
  const rate = median(different);
  const slow = `a core that takes ${SLOW_MS} ms`;
  return [
    { name: `different ids, ${slow} on ${CONNECTIONS} connections (what it allows)`, ours: rate, peer: allowed, ratio: rate / allowed, unit: 'reads/s', target: 0.93 },
    { name: `different ids, ${slow}: the bare exchange alone (what it allows)`, ours: median(exchanged), peer: allowed, ratio: median(exchanged) / allowed, unit: 'exchanges/s' },
    { name: `one hot id, ${CLIENTS} clients, ${slow} (unshared)`, ours: median(shared), peer: 1, ratio: median(shared), unit: 'reads a legacy call', target: 50 },
  ]; // prettier-ignore
}

type Start = (file: string, args: readonly string[], core: number) => Promise<Role>;

/** Rows of `npm run bench`. */
export default async function facadeBench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
  const log = openSync(join(folder, 'log'), 'a');
  const roles: Role[] = [];
  const start: Start = async (file, args, core) => {
    const role = await startRole(file, args, core, log);
    roles.push(role);
    return role;
  };
  try {
    pinSelf(0);
    return [...(await fastCore(start)), ...(await slowCore(start))];
  } finally {
    for (const role of roles) role.stop();
    closeSync(log);
    rmSync(folder, { recursive: true, force: true });
  }
}
