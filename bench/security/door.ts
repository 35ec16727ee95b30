import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { createFhirApp } from '../../src/http/app.ts';
import { startHttpServer } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { FhirResponse } from '../../src/ports.ts';
import { createEgress } from '../../src/security/egress.ts';
import { parseScopes } from '../../src/security/scopes.ts';
import { createAuthenticator } from '../../src/security/token/authenticator.ts';
import { createIssuer } from '../../src/security/token/issuer.ts';
import { playRole } from '../facade/role.ts';
import { AUDIENCE, CLAIMS, REMEMBERED } from './tokens.ts';

// The FHIR API before a backend that has its answer ready, a process of its own: node door.ts [ISSUER]. With an issuer it wants tokens.

keepObjectsYoung();
process.on('SIGTERM', () => process.exit());
const [issuer] = process.argv.slice(2);
const answer: FhirResponse = {
  status: 200,
  headers: { etag: 'W/"1"' },
  body: {
    kind: 'resource',
    resource: {
      resourceType: 'Patient',
      id: 'p1',
      active: true,
      name: [{ use: 'official', family: 'Sandberg', given: ['Ada', 'Lova'] }],
      birthDate: '1980-03-12',
    },
  },
  servedBy: 'legacy:core',
};
const grants = parseScopes('user/Patient.rs', () => {
  throw new Error('There is nothing to parse');
}).grants;
const log = createLogger({ level: 'info' });
const metrics = createMetrics({ process: true });
const app = createFhirApp({
  backend: { handle: async () => answer },
  promised: () => ['read'],
  parseSearch: () => {
    throw new Error('Nobody searches here');
  },
  capability: () => ({ resourceType: 'CapabilityStatement' }),
  publicBase: () => AUDIENCE,
  http: { deadlineMs: 10_000, maxBodyBytes: 1_024, compression: true },
  ...(issuer === undefined ? {} : { authenticator: authenticatorOf(issuer) }),
  clock: systemClock,
  log,
  metrics,
});
const server = await startHttpServer({ app, clock: systemClock }, { host: '127.0.0.1', port: 0 });
playRole(server.port);

function authenticatorOf(url: string) {
  const egress = createEgress({ urls: [url], hosts: [], networks: [] });
  const rules = {
    issuer: url,
    audience: [AUDIENCE],
    jwks: `${url}/jwks`,
    algorithms: ['RS256', 'ES384'],
    types: ['at+jwt'],
    opaque: false,
    claims: CLAIMS,
    clockSkewSeconds: 30,
  };
  return createAuthenticator({
    issuers: [createIssuer(rules, { egress, clock: systemClock })],
    realm: AUDIENCE,
    grantsOf: () => grants,
    remembered: REMEMBERED,
    clock: systemClock,
    count: () => {},
  });
}
