import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { askAdmin } from '../../../src/cli/admin-client.ts';
import { demoToken } from '../../../src/cli/admin-token.ts';
import { signed } from '../../../src/cli/migrate/command.ts';
import type { SignedOptions } from '../../../src/cli/migrate/command.ts';

/** What the admin API was sent last, and what it answers with. */
let seen: { authorization: string | undefined; body: unknown };
let answer: { status: number; body: object };
let server: Server;
let admin: string;

beforeAll(async () => {
  server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => {
      seen = { authorization: req.headers.authorization, body: text === '' ? undefined : JSON.parse(text) };
      res.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  admin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

let folder: string;
beforeEach(() => {
  answer = { status: 200, body: {} };
  folder = mkdtempSync(join(tmpdir(), 'ficus-cli-'));
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command that signs something, as the terminal does. */
async function run(...argv: string[]): Promise<void> {
  const program = new Command('ficus').exitOverride();
  signed(program.command('act')).action(async (options: SignedOptions) => {
    const { by, reason } = options;
    await askAdmin(options.admin, '/act', { method: 'POST', body: { by, reason } });
  });
  await program.parseAsync(['act', '--reason', 'x', '--admin', admin, ...argv], { from: 'user' });
}

describe('a command that talks to the admin API', () => {
  it('brings no token where there is none, and the name of the user of the terminal', async () => {
    await run();
    expect(seen).toEqual({ authorization: undefined, body: { by: userInfo().username, reason: 'x' } });
  });

  it('brings the token that it is given, and leaves the name to it', async () => {
    vi.stubEnv('FICUS_TOKEN', 'of-the-environment');
    await run();
    expect(seen).toEqual({ authorization: 'Bearer of-the-environment', body: { reason: 'x' } });
    await run('--token', 'given');
    expect(seen.authorization).toBe('Bearer given');
    await run('--by', 'ada');
    expect(seen.body).toEqual({ by: 'ada', reason: 'x' });
  });

  it.each([
    [[], /give a token/],
    [['--token', 'old'], /not good here, or not any more/],
  ])('says what to do when it is not let in (%j)', async (argv, words) => {
    answer = { status: 401, body: { error: 'unauthenticated', message: 'A token is needed.' } };
    const failure = await run(...argv).catch((error: unknown) => error as Error);
    expect(failure?.message).toMatch(words);
    expect(failure?.message.split('\n')).toHaveLength(1);
  });

  it('hands on in what role it would be let in', async () => {
    const message = 'This needs the role integrator (opening a message of the feed); the token has viewer.';
    answer = { status: 403, body: { error: 'forbidden', message } };
    await expect(run('--token', 'of-a-viewer')).rejects.toThrow(message);
  });
});

describe('the token of a demo', () => {
  const keep = (mode: number): string => {
    mkdirSync(join(folder, '.ficus'));
    const file = join(folder, '.ficus', 'admin-token');
    writeFileSync(file, 'of-the-demo\n');
    chmodSync(file, mode);
    return file;
  };

  it('is taken for what runs on this machine', () => {
    const file = keep(0o600);
    for (const address of ['http://localhost:8081', 'http://127.0.0.1:1', 'http://[::1]:8081'])
      expect(demoToken(address, file)).toBe('of-the-demo');
  });

  it('is brought by a command where none is given', async () => {
    keep(0o600);
    await run();
    expect(seen).toEqual({ authorization: 'Bearer of-the-demo', body: { reason: 'x' } });
    await run('--token', 'given');
    expect(seen.authorization).toBe('Bearer given');
  });

  it('is told of with the way to another role, where its own does not do', async () => {
    keep(0o600);
    const message = 'This needs one of the roles migration-lead, clinical-owner; the token has admin.';
    answer = { status: 403, body: { error: 'forbidden', message } };
    const failure = await run().catch((error: unknown) => error as Error);
    expect(failure?.message).toBe(
      `${message}\nIn the sandbox another role is --token "$(npx ficus token --role ROLE)".`,
    );
    await expect(run('--token', 'given')).rejects.toThrow(new Error(message));
  });

  it('is not sent anywhere else', () => {
    const file = keep(0o600);
    for (const address of [
      'http://ficus.example:8081',
      'http://10.0.0.1',
      'http://localhost.example',
      'no address',
    ])
      expect(demoToken(address, file)).toBeUndefined();
  });

  it('is not taken from a file that others may read', () => {
    const file = keep(0o644);
    expect(() => demoToken('http://localhost:8081', file)).toThrow('chmod 600');
  });

  it('need not be there', () => {
    expect(demoToken('http://localhost:8081', join(folder, 'nothing'))).toBeUndefined();
  });
});
