import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import { SECRETS, configOf } from './places.ts';
import { playRole } from './role.ts';

// Ficus as it is delivered, a process of its own: node ficus.ts CORE_PORT. Log lines go to the standard output.

keepObjectsYoung();
const baseDir = mkdtempSync(join(tmpdir(), 'ficus-bench-'));
process.on('exit', () => rmSync(baseDir, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit());
const config = parseConfig(configOf(Number(process.argv[2])));
const ficus = await compose({ config, baseDir }, { env: { ...process.env, ...SECRETS } });
playRole(Number(new URL(ficus.publicBase).port));
