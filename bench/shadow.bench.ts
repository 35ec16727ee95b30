import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLoad } from './facade/load.ts';
import type { Load, NextRequest } from './facade/load.ts';
import { createIds } from './facade/places.ts';
import { pinSelf, startRole } from './facade/role.ts';
import type { Role } from './facade/role.ts';
import { costRow } from './harness.ts';
import type { Row } from './harness.ts';
import { compareSlices, p99Of, spreadInWords } from './shadow/slices.ts';
import type { Paired } from './shadow/slices.ts';

// What the shadow costs a client: Patient reads at a steady pace, far from saturation, through Ficus as it is delivered, without a shadow and with one of a modern
// service that misbehaves in each way, in slices that alternate. Then what a migration costs that shadows nothing. Ficus is a process of its own on one core; the load,
// the legacy core and the modern service are on the other, where the modern service, which would be another machine, only gets what those two leave. A request that fails, or gets another answer, fails the bench.

/** Some 1,400 requests of each way in a repeat: with fewer, its p99 is the luck of three or four of them. */
const PLAN = { repeats: 7, slices: 3 };
const SLICE_MS = 1_200;
/** After a change of stage, before it is measured: a shadow begins with a burst of as many as one second allows. */
const SETTLE_MS = 400;
const WARM_MS = 6_000;
const PER_SECOND = 400;
const CLIENTS = 32;
const PATIENTS = 200;
/** Milliseconds that the core takes. */
const CORE_MS = 2;
const SLOWER = 100;
/** By how much a client's p99 may move. */
const ALLOWED_MS = 1;
/** A p99 that has not moved, or moved for the better. */
const NOT_AT_ALL_MS = 0.01;

const WAYS: Readonly<Record<string, string>> = {
  right: 'answers right',
  wrong: 'answers wrong each time',
  hung: 'hangs',
  refusing: 'refuses',
  slow: `is ${SLOWER} times slower`,
  large: 'pours 50 MB',
  announced: 'announces 50 MB',
};

type Start = (file: string, args: readonly string[], core: number) => Promise<Role>;

interface Bench {
  readonly ficus: Role;
  readonly modern: Role;
  readonly stranger: Role;
  readonly load: Load;
  readonly next: NextRequest;
}

/** What a slice is measured after. */
type Prepare = (way: 0 | 1) => Promise<void> | void;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function setStage({ ficus }: Bench, stage: string): Promise<void> {
  const before = (await ficus.usage()).count;
  ficus.tell(stage);
  while ((await ficus.usage()).count === before) await pause(10);
}

/** The answers of legacy, for the modern service to say the same. */
async function learn({ ficus, modern }: Bench, ids: readonly string[], folder: string): Promise<void> {
  const known: Record<string, string> = {};
  for (const id of ids) {
    const response = await fetch(`http://127.0.0.1:${ficus.port}/fhir/r4/Patient/${id}`);
    if (!response.ok) throw new Error(`Patient ${id}: ${response.status}`);
    known[id] = await response.text();
  }
  const file = join(folder, 'known.json');
  writeFileSync(file, JSON.stringify(known));
  modern.tell(`know ${file}`);
}

/** The p99 of a client in milliseconds, both ways. */
function compareP99({ load, next }: Pick<Bench, 'load' | 'next'>, prepare: Prepare): Promise<Paired> {
  const slice = async (way: 0 | 1): Promise<readonly number[]> => {
    await prepare(way);
    await load.run(next, SETTLE_MS, PER_SECOND);
    return (await load.run(next, SLICE_MS, PER_SECOND)).timesMs;
  };
  return compareSlices(PLAN, slice, p99Of);
}

function rowsOf(what: string, paired: Paired, without: string, target?: number): Row[] {
  const moved = Math.max(NOT_AT_ALL_MS, paired.moved);
  return [
    costRow(`client's p99 ${what} (${without})`, paired.second, paired.first, 'ms'),
    costRow(`client's p99 ${what}: by how much it moves (${spreadInWords(paired)})`, moved, ALLOWED_MS, 'ms', target),
  ]; // prettier-ignore
}

async function shadowRows(bench: Bench): Promise<Row[]> {
  const { modern, stranger } = bench;
  const nothing = await compareP99(bench, () => {});
  const rows = rowsOf('with nothing shadowed in either slice (control)', nothing, 'the same');
  modern.tell('large');
  const poured = await compareP99(bench, (way) => stranger.tell(way === 1 ? 'on' : 'off'));
  stranger.tell('off');
  rows.push(
    ...rowsOf('while a stranger asks modern that pours 50 MB, nothing is shadowed (control)', poured, 'no stranger'),
  ); // prettier-ignore
  for (const [way, words] of Object.entries(WAYS)) {
    modern.tell(way);
    const before = (await modern.usage()).count;
    const paired = await compareP99(bench, (stage) => setStage(bench, stage === 1 ? 'shadow' : 'legacy'));
    await setStage(bench, 'legacy');
    const asked = (await modern.usage()).count - before;
    if (asked === 0) throw new Error(`${way}: the modern service was never asked`);
    rows.push(...rowsOf(`while modern ${words}, asked ${asked} times`, paired, 'no shadow', 1));
  }
  return rows;
}

/** CPU of Ficus for a read and the client's p99, with what a migration needs of the router and without it. */
async function idleRows(role: Role, load: Load, next: NextRequest): Promise<Row[]> {
  const order = (way: 0 | 1) => (way === 1 ? 'with' : 'without');
  const cpu = (orders: (way: 0 | 1) => string): Promise<Paired> =>
    compareSlices(
      PLAN,
      async (way) => {
        role.tell(orders(way));
        const before = await role.usage();
        const { reads } = await load.run(next, SLICE_MS);
        return { cpuUs: (await role.usage()).cpuUs - before.cpuUs, reads };
      },
      (slices) => sum(slices.map(({ cpuUs }) => cpuUs)) / sum(slices.map(({ reads }) => reads)),
    );
  const row = (what: string, without: string, paired: Paired, unit: string): Row =>
    costRow(`${what} (${without}): ${spreadInWords(paired)} apart`, paired.second, paired.first, unit);
  const [same, wired] = [await cpu(() => 'with'), await cpu(order)];
  const p99 = (orders: (way: 0 | 1) => string): Promise<Paired> =>
    compareP99({ load, next }, (way) => role.tell(orders(way)));
  const [sameP99, wiredP99] = [await p99(() => 'with'), await p99(order)];
  return [
    row('CPU of a read at legacy, the same twice (control)', 'the same', same, 'us'),
    row('CPU of a read at legacy, migration wired', 'not wired', wired, 'us'),
    row("client's p99 of a read at legacy, the same twice (control)", 'the same', sameP99, 'ms'),
    row("client's p99 of a read at legacy, migration wired", 'not wired', wiredP99, 'ms'),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

function requestsFor(ids: readonly string[], numbers: readonly string[]): NextRequest {
  const prepared = ids.map((id, nth) => ({
    request: Buffer.from(
      `GET /fhir/r4/Patient/${id} HTTP/1.1\r\nHost: ficus.example\r\nAccept: application/fhir+json\r\n\r\n`,
    ),
    expected: Buffer.from(`"${numbers[nth]}"`),
  }));
  let turn = 0;
  return () => prepared[(turn += 1) % prepared.length]!;
}

async function measure(start: Start, folder: string): Promise<Row[]> {
  const numbers = Array.from({ length: PATIENTS }, (_, nth) => String(100_000 + nth));
  const ids = numbers.map(createIds());
  const next = requestsFor(ids, numbers);
  const core = await start('core.ts', [String(CORE_MS)], 0);
  const modern = await start('../shadow/modern.ts', [String(CORE_MS * SLOWER)], 0);
  const stranger = await start('../shadow/stranger.ts', [String(modern.port)], 0);
  const ficus = await start('../shadow/ficus.ts', [String(core.port), String(modern.port)], 1);
  const bench: Bench = { ficus, modern, stranger, next, load: createLoad(ficus.port, CLIENTS) };
  await learn(bench, ids, folder);
  await bench.load.run(next, WARM_MS);
  await bench.load.run(next, WARM_MS, PER_SECOND);
  const rows = await shadowRows(bench);
  bench.load.close();
  ficus.stop();
  const both = await start('../shadow/two-routers.ts', [String(core.port)], 1);
  const load = createLoad(both.port, CLIENTS);
  for (const order of ['with', 'without']) {
    both.tell(order);
    await load.run(next, WARM_MS);
  }
  rows.push(...(await idleRows(both, load, next)));
  load.close();
  return rows;
}

/** Rows of `npm run bench`. */
export default async function shadowBench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
  const log = openSync(join(folder, 'log'), 'a');
  const roles: Role[] = [];
  try {
    pinSelf(0);
    return await measure(async (file, args, core) => {
      const role = await startRole(file, args, core, log);
      roles.push(role);
      return role;
    }, folder);
  } finally {
    for (const role of roles) role.stop();
    closeSync(log);
    rmSync(folder, { recursive: true, force: true });
  }
}
