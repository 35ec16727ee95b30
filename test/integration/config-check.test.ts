import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECRETS, configOf } from '../../bench/facade/places.ts';
import { rehearse } from '../../src/compose/rehearse.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { createAuthority, hasOpenssl } from './certificates.ts';

/** `ficus check --config`: what would keep Ficus from starting is found without starting it. */
describe.skipIf(!hasOpenssl())('a configuration that is checked', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-check-'));
  beforeAll(() => {
    const authority = createAuthority();
    const one = authority.issue('/CN=localhost');
    const other = authority.issue('/CN=other');
    writeFileSync(join(folder, 'one.crt'), one.cert);
    writeFileSync(join(folder, 'one.key'), one.key);
    writeFileSync(join(folder, 'other.key'), other.key);
    authority.remove();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function check(section: 'listen' | 'admin', key: string): Promise<string> {
    const config = parseConfig(configOf(2575));
    const tls = { certificate: 'one.crt', key: { file: join(folder, key) }, minVersion: '1.2' } as const;
    const guarded: Config = { ...config, [section]: { ...config[section], tls } };
    return rehearse({ config: guarded, baseDir: folder }, SECRETS);
  }

  it('may serve with its certificates', async () => {
    expect(await check('listen', 'one.key')).toContain('1 backends');
  }, 60_000);

  it('is refused for a key of another certificate, and for one that is not there', async () => {
    await expect(check('listen', 'other.key')).rejects.toThrow('listen.tls');
    await expect(check('admin', 'none.key')).rejects.toThrow(/admin\.tls|none\.key/);
  }, 60_000);
});
