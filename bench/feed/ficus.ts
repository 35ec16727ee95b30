import { join } from 'node:path';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { compose } from '../../src/compose.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { SECRETS } from '../facade/places.ts';
import { playRole } from '../facade/role.ts';

// A Ficus with a feed and a projection, as it is delivered, in one process: node ficus.ts FHIR_PORT FOLDER, where its files stay. Its port is that of the feed; it counts messages that
// were processed.

keepObjectsYoung();
const [, , fhirPort, baseDir = '.'] = process.argv;
process.on('SIGTERM', () => process.exit());
const config = parseConfig(`
security: open
listen: { port: ${fhirPort} }
admin: { port: 0 }
timeZone: Europe/Berlin
stateDir: state
log: { level: error }
identity:
  keys: [{ id: a, secret: { env: BENCH_IDENTITY } }]
  authorities:
    - { name: HOSP, namespaces: [HOSP], oid: 2.999.1.1, system: 'urn:oid:2.999.1.1' }
    - { name: FICUS, namespaces: [FICUS], system: 'urn:oid:2.999.1.99' }
pageKeys: [{ id: a, secret: { env: BENCH_PAGES } }]
backends:
  record: { kind: projection, endpoints: [Patient.read, Patient.search] }
feed:
  interfaces:
    hospix: { port: 0, owner: integration team, authority: HOSP }
routes:
  - { endpoint: Patient.read, stage: legacy, legacy: record }
  - { endpoint: Patient.search, stage: legacy, legacy: record }
`);
const ficus = await compose({ config, baseDir }, { env: { ...process.env, ...SECRETS } });
const ledger = openInboxLedger(feedFiles(join(baseDir, 'state')).inbox);
playRole(ficus.feedPorts['hospix']!, () => {
  const { received, waiting } = ledger.counts();
  return received - waiting;
});
