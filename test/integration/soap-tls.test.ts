import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { ANSWER, callOf, connect, listen, refusal } from './soap-service.ts';

interface Identity {
  readonly cert: string;
  readonly key: string;
}

const directory = mkdtempSync(join(tmpdir(), 'ficus-soap-tls-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A self-signed certificate and its key; undefined where there is no openssl. */
function createIdentity(name: string): Identity | undefined {
  const file = (ending: string): string => join(directory, `${name}.${ending}`);
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  try {
    execFileSync('openssl', [...request, ...subject, '-keyout', file('key'), '-out', file('cert')], {
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  return { cert: readFileSync(file('cert'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
}

const service = createIdentity('service');
const client = createIdentity('client');
const hasOpenssl = service !== undefined && client !== undefined;

describe.skipIf(!hasOpenssl)(
  `a SOAP service over TLS${hasOpenssl ? '' : ' (SKIPPED: openssl is not installed)'}`,
  () => {
    async function serve(): Promise<{ url: string; callers: unknown[] }> {
      const callers: unknown[] = [];
      const server = createServer(
        { ...service, ca: client!.cert, requestCert: true },
        (request, response) => {
          callers.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
          response.writeHead(200, { 'content-type': 'text/xml' }).end(ANSWER);
        },
      );
      return { url: `https://127.0.0.1:${await listen(server)}/`, callers };
    }

    it('is called with our certificate, and its own is checked against the authority we were told', async () => {
      const { url, callers } = await serve();
      const trusted = connect(url, { tls: { ...client!, ca: [service!.cert] } });
      expect(await trusted.call(callOf('query'))).toMatchObject({ kind: 'answer' });
      expect(callers).toEqual(['client']);
    });

    it.each(['query', 'write'] as const)(
      'is sent no %s when its certificate is not trusted',
      async (kind) => {
        const { url, callers } = await serve();
        const error = await refusal(connect(url, { tls: client! }).call(callOf(kind)));
        expect(error.code).toBe('unavailable');
        expect(error.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
        expect(callers).toEqual([]);
      },
    );

    // In TLS 1.3 the request leaves before the service has looked at our certificate.
    it.each([
      ['query', 'unavailable'],
      ['write', 'outcome-unknown'],
    ] as const)('that does not know our certificate leaves a %s unanswered: %s', async (kind, code) => {
      const { url, callers } = await serve();
      const stranger = connect(url, { tls: { cert: service!.cert, key: service!.key, ca: service!.cert } });
      expect((await refusal(stranger.call(callOf(kind)))).code).toBe(code);
      expect(callers).toEqual([]);
    });
  },
);
