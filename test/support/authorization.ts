import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as client from 'openid-client';
import type { Refusal } from '../../sandbox/authorization/desk.ts';
import { createAuthorizationServer } from '../../sandbox/authorization/index.ts';
import type { AuthorizationServer } from '../../sandbox/authorization/index.ts';
import { INSECURE, SmartApp } from './smart-app.ts';

const PATIENTS = [
  { mrn: '100001', authority: 'HOSP', name: 'Johanna Haller', birthDate: '19620314', about: 'Complete record', ordinary: false }, // prettier-ignore
  { mrn: '100002', authority: 'HOSP', name: "O'Neill & <b>Söhne</b>", birthDate: '19700101', about: 'Odd name', ordinary: false }, // prettier-ignore
  { mrn: '200001', authority: 'HOSP', name: 'Otto Many', birthDate: '19710101', about: 'One of the many', ordinary: true }, // prettier-ignore
];
const RESOURCE_SERVER = { id: 'ficus', secret: 'made-by-this-test' };

/** The sandbox's authorization server, in front of a FHIR API that knows as much as a patient picker asks. */
export interface Authorization {
  readonly server: AuthorizationServer;
  readonly issuer: string;
  readonly fhirBase: string;
  readonly stateDir: string;
  readonly app: SmartApp;
  /** What the server reported. */
  readonly refusals: readonly Refusal[];
  /** What the FHIR API was asked. */
  readonly asked: readonly { readonly url: string; readonly authorization: string | undefined }[];
  /** What the resource server is told of a token. */
  introspect(token: string): Promise<client.IntrospectionResponse>;
  close(): Promise<void>;
}

export async function startAuthorization(): Promise<Authorization> {
  const asked: { url: string; authorization: string | undefined }[] = [];
  const refusals: Refusal[] = [];
  const hospital = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://fhir');
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
    const number = url.searchParams.get('identifier')?.split('|')[1];
    const resourceType = url.pathname.split('/').at(-1);
    const id = resourceType === 'Patient' ? `p-${number}` : 'visit-7';
    response.setHeader('content-type', 'application/fhir+json');
    response.end(JSON.stringify({ resourceType: 'Bundle', entry: [{ resource: { resourceType, id } }] }));
  });
  await new Promise<void>((resolve) => hospital.listen(0, '127.0.0.1', resolve));
  const fhirBase = `http://127.0.0.1:${(hospital.address() as AddressInfo).port}/fhir/r4`;
  const stateDir = mkdtempSync(join(tmpdir(), 'ficus-authorization-'));
  const server = await createAuthorizationServer({
    port: 0,
    fhirBase: () => fhirBase,
    patients: () => PATIENTS,
    stateDir,
    resourceServerSecret: RESOURCE_SERVER.secret,
    report: (refusal) => refusals.push(refusal),
  });
  const { issuer } = server;
  return {
    server,
    issuer,
    fhirBase,
    stateDir,
    app: new SmartApp(issuer, fhirBase),
    refusals,
    asked,
    async introspect(token) {
      const secret = client.ClientSecretBasic(RESOURCE_SERVER.secret);
      const own = await client.discovery(new URL(issuer), RESOURCE_SERVER.id, undefined, secret, INSECURE);
      return client.tokenIntrospection(own, token);
    },
    async close() {
      await server.close();
      hospital.closeAllConnections();
      await new Promise((resolve) => hospital.close(resolve));
      rmSync(stateDir, { recursive: true });
    },
  };
}
