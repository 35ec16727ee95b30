import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLoad } from './facade/load.ts';
import type { Load, NextRequest } from './facade/load.ts';
import { createIds } from './facade/places.ts';
import { pinSelf, startRole } from './facade/role.ts';
import type { Role } from './facade/role.ts';
import { costRow, median } from './harness.ts';
import type { Row } from './harness.ts';

// What the shadow costs a client: Patient reads at a steady pace through Ficus as it is delivered, without a shadow and with one of a modern service that
// misbehaves in each way, in rounds that alternate. Ficus is a process of its own on one core; the load, the core and the modern service are on the
// other. A request that fails, or gets another answer, fails the bench.

const ROUNDS = 9;
const ROUND_MS = 2_000;
/** After a change of stage, before it is measured: the first second of a shadow is a burst of as many as one second allows. */
const SETTLE_MS = 1_000;
const PER_SECOND = 300;
const CLIENTS = 32;
const PATIENTS = 200;
/** Milliseconds that the core takes. */
const CORE_MS = 2;
const SLOWER = 100;
/** By how much a client's p99 may move. */
const ALLOWED_MS = 1;
/** A p99 that has not moved, or moved for the better. */
const NOT_AT_ALL_MS = 0.01;

/** No shadow in either round: how far two equal runs differ on this machine, now. Read all else beside it. */
const CONTROL = 'control';

const WAYS: Readonly<Record<string, string>> = {
  [CONTROL]: 'is not asked in either round (control)',
  right: 'answers right',
  wrong: 'answers wrong each time',
  hung: 'hangs',
  refusing: 'refuses',
  slow: `is ${SLOWER} times slower`,
  large: 'answers 50 MB',
};

interface Bench {
  readonly ficus: Role;
  readonly modern: Role;
  readonly load: Load;
  readonly next: NextRequest;
}

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

/** The p99 of a client in milliseconds, without a shadow and with one, by rounds that alternate. */
async function compareWays(bench: Bench, way: string): Promise<{ bare: number; shadowed: number }> {
  const { modern, load, next } = bench;
  const times: Record<'legacy' | 'shadow', number[]> = { legacy: [], shadow: [] };
  modern.tell(way);
  const before = (await modern.usage()).count;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const stage of round % 2 === 0 ? (['legacy', 'shadow'] as const) : (['shadow', 'legacy'] as const)) {
      if (way !== CONTROL) await setStage(bench, stage);
      await load.run(next, SETTLE_MS, PER_SECOND);
      times[stage].push((await load.run(next, ROUND_MS, PER_SECOND)).p99Ms);
    }
  }
  if (way !== CONTROL && (await modern.usage()).count === before)
    throw new Error(`${way}: the modern service was never asked`);
  return { bare: median(times.legacy), shadowed: median(times.shadow) };
}

/** Rows of `npm run bench`. */
export default async function shadowBench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
  const log = openSync(join(folder, 'log'), 'a');
  const roles: Role[] = [];
  const start = async (file: string, args: readonly string[], core: number): Promise<Role> => {
    const role = await startRole(file, args, core, log);
    roles.push(role);
    return role;
  };
  try {
    pinSelf(0);
    const core = await start('core.ts', [String(CORE_MS)], 0);
    const modern = await start('../shadow/modern.ts', [String(CORE_MS * SLOWER)], 0);
    const ficus = await start('../shadow/ficus.ts', [String(core.port), String(modern.port)], 1);
    const numbers = Array.from({ length: PATIENTS }, (_, nth) => String(100_000 + nth));
    const ids = numbers.map(createIds());
    const prepared = ids.map((id, nth) => ({
      request: Buffer.from(`GET /fhir/r4/Patient/${id} HTTP/1.1\r\nHost: ficus.example\r\nAccept: application/fhir+json\r\n\r\n`),
      expected: Buffer.from(`"${numbers[nth]}"`),
    })); // prettier-ignore
    let turn = 0;
    const bench: Bench = {
      ficus,
      modern,
      load: createLoad(ficus.port, CLIENTS),
      next: () => prepared[(turn += 1) % prepared.length]!,
    };
    await learn(bench, ids, folder);
    for (let nth = 0; nth < 3; nth += 1) await bench.load.run(bench.next, ROUND_MS);
    const rows: Row[] = [];
    for (const [way, words] of Object.entries(WAYS)) {
      const { bare, shadowed } = await compareWays(bench, way);
      const moved = Math.max(NOT_AT_ALL_MS, shadowed - bare);
      const target = way === CONTROL ? undefined : 1;
      rows.push(
        costRow(`client's p99 while modern ${words} (no shadow)`, shadowed, bare, 'ms'),
        costRow(`client's p99 while modern ${words}: by how much it moves (what it may)`, moved, ALLOWED_MS, 'ms', target),
      ); // prettier-ignore
    }
    bench.load.close();
    return rows;
  } finally {
    for (const role of roles) role.stop();
    closeSync(log);
    rmSync(folder, { recursive: true, force: true });
  }
}
