import { createFeedRecord } from '../../../src/compose/feed/record.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoConfig, ensureSecrets } from '../../../src/cli/demo-config.ts';
import { systemClock } from '../../../src/clock.ts';
import { assemble } from '../../../src/compose/assembly.ts';
import { wire } from '../../../src/compose/wiring.ts';
import type { LoadedConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { createLogger } from '../../../src/log.ts';
import { createMetrics } from '../../../src/metrics.ts';
import { createMemoryStores } from '../../../src/store/stores.ts';

let stateDir: string;
let demo: LoadedConfig;

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'ficus-rehearse-'));
  ensureSecrets(stateDir);
  const places = {
    mllp: 'mllp://127.0.0.1:1',
    soap: 'http://127.0.0.1:1/ClinicalService',
    modern: 'http://127.0.0.1:1/fhir',
    portal: 'http://127.0.0.1:1/portal/',
  };
  demo = demoConfig(places, stateDir, { fhir: 0, admin: 0 });
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

/** The demo's configuration with other backends. */
function changed(more: Record<string, object>): LoadedConfig {
  const backends = Object.fromEntries(
    Object.entries(demo.config.backends).map(([name, backend]) => [name, { ...backend, ...more[name] }]),
  ) as Config['backends'];
  return { ...demo, config: { ...demo.config, backends } };
}

/** Puts the backends together and lets go of them. @returns their names */
async function wired(loaded: LoadedConfig): Promise<string[]> {
  const wiring = await wire(assemble(loaded, {}, systemClock), {
    publicBase: 'http://localhost/fhir/r4',
    stores: createMemoryStores(),
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    metrics: createMetrics({ process: false }),
    record: createFeedRecord(':memory:'),
  });
  await wiring.close();
  return [...wiring.installed.keys()];
}

describe('the backends of a configuration', () => {
  it('are put together without being asked', async () => {
    expect(await wired(demo)).toEqual(['core', 'clinical', 'observations', 'record']);
  });

  it('say all at once, by name, why they cannot be', async () => {
    const wrong = changed({
      core: { charset: 'KLINGON' },
      clinical: { service: 'nowhere' },
      observations: { tls: { ca: 'no-such.pem' } },
    });
    const refusal = await wired(wrong).catch((error: unknown) => (error as Error).message);
    expect(refusal).toMatch(/^backends\.core: .*character set/m);
    expect(refusal).toMatch(/^backends\.clinical: /m);
    expect(refusal).toMatch(/^backends\.observations: .*no-such\.pem/m);
  });

  it.each([
    ['is not there', undefined],
    ['is no YAML', 'rows: [1'],
    ['is another table', 'paths: {}'],
  ])('name a file of severities that %s', (_name, text) => {
    const severity = join(stateDir, 'severities.yaml');
    rmSync(severity, { force: true });
    if (text !== undefined) writeFileSync(severity, text);
    const { config } = demo;
    const other = { ...demo, config: { ...config, migration: { ...config.migration, severity } } };
    expect(() => assemble(other, {}, systemClock)).toThrow(`migration.severity: ${severity}: `);
  });
});
