import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createEgress } from '../../src/security/egress.ts';
import type { EgressOptions } from '../../src/security/egress.ts';
import { createAuthority, hasOpenssl } from './certificates.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** An issuer with a certificate for `names`; gives the way to it, by a name that stands for this machine. */
async function issuerWith(names: string, options: Partial<EgressOptions> & { readonly trusted: boolean }) {
  const authority = createAuthority();
  undo.push(() => authority.remove());
  const server = createServer(
    authority.issue('/CN=login', { names }),
    (_, res) => void res.end('{"keys":[]}'),
  );
  undo.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}/jwks`;
  const { trusted, ...more } = options;
  const way = createEgress({
    urls: [url],
    hosts: [],
    networks: [],
    ...(trusted ? { ca: authority.ca } : {}),
    ...more,
  });
  undo.push(() => way.close());
  return { url, way };
}

describe.skipIf(!hasOpenssl())('an issuer with a certificate', () => {
  it('of an authority that is trusted is asked', async () => {
    const { url, way } = await issuerWith('DNS:localhost', { trusted: true });
    expect(await way.json(url)).toEqual({ status: 200, body: { keys: [] } });
  });

  it('of a stranger is not', async () => {
    const { url, way } = await issuerWith('DNS:localhost', { trusted: false });
    await expect(way.json(url)).rejects.toThrow(/cannot be reached \(.*(CERT|SIGNATURE).*\)/);
  });

  it('for another name is not', async () => {
    const { url, way } = await issuerWith('DNS:other.example', { trusted: true });
    await expect(way.json(url)).rejects.toThrow('cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID)');
  });
});
