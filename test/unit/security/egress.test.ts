import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEgress } from '../../../src/security/egress.ts';
import type { Egress, EgressOptions } from '../../../src/security/egress.ts';

let server: Server;
let origin: string;
let came = 0;
const opened: Egress[] = [];

beforeAll(async () => {
  server = createServer((_, res) => {
    came += 1;
    res.end('{"ok":true}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  server.close();
});

function egress(options: Partial<EgressOptions> = {}): Egress {
  const made = createEgress({ urls: [], hosts: [], networks: [], ms: 500, ...options });
  opened.push(made);
  return made;
}

/** A name server that says what the test wants, each time the next. */
function nameServer(...addresses: readonly (readonly string[])[]): NonNullable<EgressOptions['lookup']> {
  let turn = 0;
  return ((_host: string, _options: object, callback: (error: null, found: object[]) => void) => {
    const found = addresses[Math.min(turn++, addresses.length - 1)] ?? [];
    callback(null, found.map((address) => ({ address, family: 4 }))); // prettier-ignore
  }) as unknown as NonNullable<EgressOptions['lookup']>;
}

describe('the way out', () => {
  it('leads to configured addresses', async () => {
    expect(await egress({ urls: [origin] }).json(`${origin}/keys`)).toEqual({
      status: 200,
      body: { ok: true },
    });
  });

  it.each([
    ['another host', 'https://other.example/keys'],
    ['another port', 'https://login.example:8443/keys'],
    ['the same host without TLS', 'http://login.example/keys'],
    ['a user name', 'https://me:secret@login.example/keys'],
    ['no address', 'login.example/keys'],
    ['a file', 'file:///etc/passwd'],
  ])('does not lead to %s', async (_, url) => {
    const way = egress({ urls: ['https://login.example/'] });
    expect(way.allows('https://login.example/any/path')).toBe(true);
    expect(way.allows(url)).toBe(false);
    const before = came;
    await expect(way.json(url)).rejects.toMatchObject({ code: 'unavailable' });
    expect(came).toBe(before);
  });

  it('leads to listed hosts over TLS only', () => {
    const way = egress({ hosts: ['keys.example:8443'] });
    expect(way.allows('https://keys.example:8443/')).toBe(true);
    expect(way.allows('http://keys.example:8443/')).toBe(false);
  });

  it.each([
    ['this machine', '127.0.0.1'],
    ['a private network', '10.1.2.3'],
    ['where clouds keep credentials', '169.254.169.254'],
  ])('does not lead to a name that stands for %s', async (_, address) => {
    const { port } = new URL(origin);
    const url = `https://login.example:${port}/`;
    const before = came;
    const way = egress({ urls: [url], lookup: nameServer([address]) });
    await expect(way.json(url)).rejects.toThrow(`login.example:${port} the address of that host is`);
    expect(came).toBe(before);
  });

  it('looks the name up again for each connection, and takes no address beside the one that it looked at', async () => {
    const url = 'https://login.example:1/';
    const way = egress({ urls: [url], lookup: nameServer(['10.1.2.3', '127.0.0.1'], ['127.0.0.1']), networks: ['10.1.0.0/16'] }); // prettier-ignore
    for (const _ of [1, 2]) await expect(way.json(url)).rejects.toThrow('is this machine itself');
  });

  it('leads into a private network that is listed', async () => {
    const url = 'https://login.example:1/';
    const way = egress({ urls: [url], lookup: nameServer(['10.1.2.3']), networks: ['10.1.0.0/16'], ms: 50 });
    await expect(way.json(url)).rejects.toThrow(/cannot be reached|did not answer in time/);
  });

  it('does not lead to internal addresses that are written as such', () => {
    const url = 'https://10.1.2.3/';
    expect(egress({ urls: [url] }).allows(url)).toBe(false);
    expect(egress({ urls: [url], networks: ['10.0.0.0/8'] }).allows(url)).toBe(true);
  });
});
