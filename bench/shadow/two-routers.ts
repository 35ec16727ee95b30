import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { assemble } from '../../src/compose/assembly.ts';
import { createCapability } from '../../src/compose/capability.ts';
import { createFeedRecord } from '../../src/compose/feed/record.ts';
import { loadAdminDocument } from '../../src/compose/migration/document.ts';
import { startServers } from '../../src/compose/servers.ts';
import { wire } from '../../src/compose/wiring.ts';
import { parseConfig } from '../../src/config/load.ts';
import { operationsOf } from '../../src/http/admin-contract.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Backend } from '../../src/ports.ts';
import { openSqliteStores } from '../../src/store/stores.ts';
import { createRouter } from '../../src/strangler/router.ts';
import { SECRETS, configOf } from '../facade/places.ts';
import { playRole } from '../facade/role.ts';

// One Ficus in front of a core, a process of its own, with two routers over the same sides: node two-routers.ts CORE_PORT. Orders: `with` and `without` what a migration
// needs of the router (evidence, pins, experiment, writer). The route is at legacy: nothing is shadowed. What stands above the router is the same for both, and left out.

keepObjectsYoung();
const baseDir = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
process.on('exit', () => rmSync(baseDir, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit());

const config = parseConfig(configOf(Number(process.argv[2])));
const clock = systemClock;
const log = createLogger({ level: config.log.level });
const metrics = createMetrics({ process: true });
const assembly = assemble({ config, baseDir }, { ...process.env, ...SECRETS }, clock);
mkdirSync(join(baseDir, 'state'));
const stores = openSqliteStores(join(baseDir, 'state', 'ficus.sqlite'));
const servers = await startServers({ config, clock, log, metrics, certificates: assembly.certificates });
const { publicBase } = servers;
const record = createFeedRecord(':memory:');
const { table, installed, migration } = await wire(assembly, {
  publicBase,
  stores,
  clock,
  log,
  metrics,
  record,
});
await migration.start();
const backends = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.backend]));
const bare = createRouter({ table, backends });
const wired = createRouter({ table, backends, migration: migration.router });
let chosen = wired;
const document = loadAdminDocument();
const ofDesks = operationsOf(document).filter(({ path }) => /^\/(migration|feed|security)(\/|$)/.test(path));
const nobodyAsks = (): never => {
  throw new Error('Nobody asks the admin API here');
};

servers.open({
  backend: { handle: (request, context) => chosen.handle(request, context) },
  promised: (type) => assembly.contract.interactions(type),
  parseSearch: () => {
    throw new Error('Nobody searches here');
  },
  capability: createCapability({
    contract: assembly.contract,
    table,
    installed,
    own: [],
    publicBase,
    clock,
    cors: false,
    security: () => 'open',
  }),
  bodyOf: () => 'validated',
  table,
  backends: [...installed.values()],
  steps: migration.steps,
  feedProblems: () => [],
  auditProblems: () => [],
  securityProblems: () => [],
  document,
  operations: Object.fromEntries(ofDesks.map(({ id }) => [id, nobodyAsks])),
});

playRole(
  Number(new URL(publicBase).port),
  () => 0,
  (order) => {
    chosen = order === 'with' ? wired : bare;
  },
);
