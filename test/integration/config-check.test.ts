import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECRETS, configOf } from '../../bench/facade/places.ts';
import { rehearse } from '../../src/compose/rehearse.ts';
import { inItsPlace, loadConfig, parseConfig } from '../../src/config/load.ts';
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
  });

  it('is refused for a key of another certificate, and for one that is not there', async () => {
    await expect(check('listen', 'other.key')).rejects.toThrow('listen.tls');
    await expect(check('admin', 'none.key')).rejects.toThrow(/admin\.tls|none\.key/);
  });
});

describe('what is wrong beyond the file itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-check-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What `ficus check` says of a configuration, and the text of the line that it points to. */
  async function found(change: (text: string) => string, env: NodeJS.ProcessEnv = SECRETS) {
    const file = join(folder, 'ficus.yaml');
    const text = change(configOf(2575));
    writeFileSync(file, text);
    const loaded = loadConfig(file);
    const error: unknown = await rehearse(loaded, env).catch((refused: unknown) =>
      inItsPlace(refused, loaded),
    );
    const words = error instanceof Error ? error.message : 'nothing';
    const [, line] = /ficus\.yaml:(\d+) {2}/.exec(words) ?? [];
    return { words, at: line === undefined ? undefined : text.split('\n')[Number(line) - 1] };
  }

  it('is placed in it: a secret that is missing', async () => {
    const [missing] = Object.keys(SECRETS);
    const { words, at } = await found((text) => text, { ...SECRETS, [missing!]: undefined });
    expect(words).toContain(`the environment variable ${missing} is not set`);
    expect(at).toContain(missing);
  });

  it('is placed in it: a SOAP service that has no mappings, with those that have', async () => {
    const soap = 'backends:\n  clinic: { kind: soap, url: "http://127.0.0.1:1/", service: nobodys }\n';
    const { words, at } = await found((text) => text.replace('backends:\n', soap));
    expect(words).toContain('backends.clinic: no mappings of a SOAP service nobodys; there are: hospix');
    expect(at).toContain('nobodys');
  });

  it.each([
    ['contract: nowhere.yaml', 'contract: the file'],
    ['mappings: { dir: nowhere }', 'mappings.dir: there are no mappings'],
    ['mappings: { site: nowhere }', 'mappings.site: there are no mappings of site nowhere'],
    ['migration: { severity: nowhere.yaml }', 'migration.severity: '],
  ])('is placed in it: a file that is not there (%s)', async (line, message) => {
    const { words, at } = await found((text) => `${text}\n${line}\n`);
    expect(words).toContain(message);
    expect(at).toBe(line);
  });

  it('is placed in it: a route that its backend cannot answer', async () => {
    const wrong = '  - { endpoint: Condition.read, stage: legacy, legacy: core }';
    const { words, at } = await found((text) => text.replace('routes:\n', `routes:\n${wrong}\n`));
    expect(words).toContain('cannot do Condition.read');
    expect(at).toBe(wrong);
  });

  it('is placed in it: a certificate that is not there', async () => {
    const line = 'listen: { port: 0, tls: { certificate: none.crt, key: { file: none.key } } }';
    const { words, at } = await found((text) => `${text.replaceAll(/^listen:.*\n/gm, '')}\n${line}\n`);
    expect(words).toContain('listen.tls.certificate: none.crt cannot be read');
    expect(at).toBe(line);
  });
});
