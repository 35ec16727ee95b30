import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOME } from '../../src/compose.ts';
import { unusedPort } from './mllp-core.ts';

// What the Dockerfile puts into the image, laid out without Docker: the folders that it copies, and the packages that are not for development. It runs with the configuration of
// docs/deploying.md, on other ports and with another state folder.

const dockerfile = readFileSync(join(HOME, 'Dockerfile'), 'utf8');
const [, final = ''] = dockerfile.split(/^FROM (?!.* AS )/m);

/** Sources of the COPY lines of the last stage. */
function copied(): string[] {
  return final
    .split('\n')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
}

/** Packages that `npm ci --omit=dev` installs, as paths from the project. */
function packagesOfProduction(): string[] {
  const lock = JSON.parse(readFileSync(join(HOME, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev }]) => (path !== '' && !dev ? [path] : []));
}

function layOut(into: string): void {
  for (const name of copied()) cpSync(join(HOME, name), join(into, name), { recursive: true });
  for (const path of packagesOfProduction()) {
    // A package within another came with it.
    if (path.lastIndexOf('node_modules/') > 0) continue;
    mkdirSync(dirname(join(into, path)), { recursive: true });
    symlinkSync(join(HOME, path), join(into, path));
  }
}

/** The configuration that the page shows. */
function shownConfiguration(): string {
  const page = readFileSync(join(HOME, 'docs/deploying.md'), 'utf8');
  return /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
}

let home: string;
let app: string;
let ports: { readonly fhir: number; readonly admin: number; readonly feed: number };
let child: ChildProcess | undefined;
let log = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'ficus-image-'));
  app = join(home, 'app');
  mkdirSync(join(home, 'state'));
  layOut(app);
  ports = { fhir: await unusedPort(), admin: await unusedPort(), feed: await unusedPort() };
  const config = shownConfiguration()
    .replace('/var/lib/ficus', join(home, 'state'))
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replace('port: 8080', `port: ${ports.fhir}`)
    .replace('port: 8081', `port: ${ports.admin}`)
    .replace('port: 2576', `port: ${ports.feed}`);
  writeFileSync(join(home, 'ficus.yaml'), config);
  child = spawn(process.execPath, ['bin/ficus.js', 'serve', '--config', join(home, 'ficus.yaml')], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      FICUS_IDENTITY_KEY: Buffer.alloc(64, 'identity').toString('base64'),
      FICUS_PAGE_KEY: Buffer.alloc(32, 'pages').toString('base64'),
    },
  });
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => void (log += String(chunk)));
  await Promise.race([
    new Promise<void>((resolve) =>
      child!.stdout!.on('data', () => void (log.includes('Ficus is ready') && resolve())),
    ),
    once(child, 'exit').then(() => {
      throw new Error(`it ended: ${log}`);
    }),
  ]);
});
afterAll(() => {
  child?.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

describe('what is in the image', () => {
  it('serves the API with the configuration of the page', async () => {
    const response = await fetch(`http://127.0.0.1:${ports.fhir}/fhir/r4/metadata`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
    });
  });

  it('takes messages', async () => {
    const socket = connect(ports.feed, '127.0.0.1');
    socket.write(
      '\x0bMSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20260301083000||ADT^A01^ADT_A01|IMAGE1|P|2.5.1\r' +
        'EVN|A01|20260301083000\rPID|1||4711^^^HOSP^MR||Sander^Ute||19700101|F\rPV1|1|I|W1^1^1||||||||||||||||V1^^^HOSP\r\x1c\r',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(String(answer)).toContain('MSA|AA|IMAGE1');
  });

  it('is found healthy by its own check', async () => {
    const check = /HEALTHCHECK[^\n]*\\\n\s*CMD (\[.*\])/.exec(final)![1]!;
    const [, ...args] = (JSON.parse(check) as string[]).map((word) =>
      word.replace('8081', String(ports.admin)),
    );
    await expect(promisify(execFile)(process.execPath, args)).resolves.toMatchObject({ stderr: '' });
    const elsewhere = args.map((word) => word.replace(String(ports.admin), '1'));
    await expect(promisify(execFile)(process.execPath, elsewhere)).rejects.toMatchObject({ code: 1 });
  });

  it('names the ports and the folder of the page', () => {
    const shown = shownConfiguration();
    const exposed = /^EXPOSE (.*)$/m.exec(final)![1]!.split(' ');
    expect([...shown.matchAll(/host: 0\.0\.0\.0, port: (\d+)/g)].map(([, port]) => port)).toEqual(exposed);
    expect(shown).toContain(`stateDir: ${/^VOLUME (.*)$/m.exec(final)![1]}\n`);
    expect(final).toMatch(/^USER node$/m);
  });

  it('ends by itself when it is told to', async () => {
    const exited = once(child!, 'exit');
    child!.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(log).toContain('"message":"Stopped"');
  });
});
