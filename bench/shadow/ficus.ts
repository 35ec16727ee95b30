import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import { SECRETS, configOf } from '../facade/places.ts';
import { playRole } from '../facade/role.ts';

// Ficus in front of a core and of a modern service, a process of its own: node ficus.ts CORE_PORT MODERN_PORT. Its limits are those that it is
// delivered with. Orders: the stage of Patient.read; `usage` tells the version of its route as the count.

keepObjectsYoung();
const ENDPOINT = 'Patient.read';
const [corePort, modernPort] = process.argv.slice(2).map(Number);
const baseDir = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
process.on('exit', () => rmSync(baseDir, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit());

const [backends = '', routes = ''] = configOf(corePort!).split('routes:\n');
const text = `${backends}  labs:
    kind: modern
    url: http://127.0.0.1:${modernPort}/fhir
    endpoints: [${ENDPOINT}]
migration: { mayForce: true }
routes:
${routes.replace('legacy: core', 'legacy: core, modern: labs')}`;
const ficus = await compose({ config: parseConfig(text), baseDir }, { env: { ...process.env, ...SECRETS } });
let version = 1;

async function setStage(stage: string): Promise<void> {
  const response = await fetch(`${ficus.adminBase}/routes/${ENDPOINT}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stage, by: 'bench' }),
  });
  if (!response.ok) throw new Error(`The stage is not ${stage}: ${await response.text()}`);
  version += 1;
}

playRole(
  Number(new URL(ficus.publicBase).port),
  () => version,
  (stage) => void setStage(stage),
);
