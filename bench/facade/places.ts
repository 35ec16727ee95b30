import { createAuthorities } from '../../src/identity/authorities.ts';
import { createSealer } from '../../src/identity/seal.ts';

/** Environment of a Ficus under measurement: its secrets, the same in every run. */
export const SECRETS = {
  BENCH_IDENTITY: Buffer.alloc(64, 'ficus bench identity').toString('base64'),
  BENCH_PAGES: Buffer.alloc(32, 'ficus bench pages').toString('base64'),
};

const AUTHORITY = { name: 'HOSP', namespaces: ['HOSP'], system: 'urn:oid:2.999.1.1' };

/**
 * Configuration text of a Ficus in front of one MLLP core. Twice as many requests at once as connections, as the defaults have it: the next
 * message waits for the connection, not for what is made of the answer before it.
 */
export function configOf(corePort: number): string {
  return `
security: open
listen: { port: 0 }
admin: { port: 0 }
timeZone: Europe/Berlin
stateDir: state
identity:
  keys: [{ id: a, secret: { env: BENCH_IDENTITY } }]
  authorities:
    - { name: ${AUTHORITY.name}, namespaces: [${AUTHORITY.namespaces.join(', ')}], system: '${AUTHORITY.system}' }
    - { name: FICUS, namespaces: [FICUS], system: 'urn:oid:2.999.1.99' }
pageKeys: [{ id: a, secret: { env: BENCH_PAGES } }]
backends:
  core:
    kind: hl7v2
    host: 127.0.0.1
    port: ${corePort}
    sender: { application: FICUS, facility: GATE }
    receiver: { application: HOSPIX, facility: MAIN }
    connections: 8
    concurrency: 16
routes:
  - { endpoint: Patient.read, stage: legacy, legacy: core }
`;
}

/** Gives the FHIR id that the Ficus of {@link configOf} has for a medical record number. */
export function createIds(): (number: string) => string {
  const sealer = createSealer({
    keys: [{ id: 'a', secret: Buffer.from(SECRETS.BENCH_IDENTITY, 'base64') }],
    authorities: createAuthorities([AUTHORITY]),
    remembered: 1,
  });
  return (number) => sealer.seal('Patient', `${AUTHORITY.name}|${number}`).id;
}
