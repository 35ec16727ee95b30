import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { systemClock } from '../../src/clock.ts';
import type { Prepared } from '../facade/load.ts';

/** What the tokens of the bench are for. */
export const AUDIENCE = 'https://api.hospital.example/fhir/r4';
/** Tokens that the door remembers: fewer than the fresh ones that are shown in turn, so that these are never known. */
export const REMEMBERED = 100;
export const CLAIMS = {
  scope: 'scope',
  patient: 'patient',
  fhirUser: 'fhirUser',
  client: 'client_id',
  roles: 'roles',
  purposes: 'purpose_of_use',
  facility: 'facility',
};

export const ALGORITHMS = ['RS256', 'ES384'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** An issuer that runs beside the load. */
export interface BenchIssuer {
  readonly url: string;
  /** Requests with so many different tokens. */
  requests(alg: Algorithm, count: number): Promise<readonly Prepared[]>;
  close(): void;
}

export async function startIssuer(): Promise<BenchIssuer> {
  const keys = new Map(
    await Promise.all(
      ALGORITHMS.map(async (alg) => {
        const { privateKey, publicKey } = await generateKeyPair(alg);
        return [alg, { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, alg } }] as const;
      }),
    ),
  );
  const jwks = JSON.stringify({ keys: [...keys.values()].map(({ jwk }) => jwk) });
  const server = createServer((_, res) => void res.end(jwks));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests: (alg, count) =>
      Promise.all(
        Array.from({ length: count }, async (_, at) => {
          const now = Math.floor(systemClock.now() / 1000);
          const token = await new SignJWT({ scope: 'user/Patient.rs', client_id: 'growth-chart', fhirUser: 'Practitioner/17' })
            .setProtectedHeader({ alg, kid: alg, typ: 'at+jwt' })
            .setIssuer(url)
            .setAudience(AUDIENCE)
            .setSubject('clinician-1')
            .setJti(`${alg}-${at}`)
            .setIssuedAt(now)
            .setExpirationTime(now + 3_600)
            .sign(keys.get(alg)!.privateKey);
          return requestWith(`Authorization: Bearer ${token}\r\n`);
        }),
      ),
    close: () => void server.close(),
  }; // prettier-ignore
}

/** A read of the one Patient that there is. */
export function requestWith(header: string): Prepared {
  const head = `GET /fhir/r4/Patient/p1 HTTP/1.1\r\nHost: ficus.example\r\nAccept: application/fhir+json\r\n${header}\r\n`;
  return { request: Buffer.from(head), expected: Buffer.from('Sandberg') };
}
