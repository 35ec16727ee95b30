import { Hl7Server } from '@medplum/hl7';
import type { Hl7MessageEvent } from '@medplum/hl7';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createIntake } from '../../adapters/hl7v2/intake/intake.ts';
import { createMessageTypes } from '../../adapters/hl7v2/intake/message-types.ts';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { interfaceProfile } from '../../src/compose/interface-profile.ts';
import { interfaceConfig } from '../../src/config/feed-schema.ts';
import { loadMappings } from '../../src/config/mappings.ts';
import { openInboxIntake } from '../../src/store/inbox-intake.ts';
import { playRole } from '../facade/role.ts';

// A process that takes messages over MLLP: node server.ts KIND. `ficus` with its inbox on disk; `medplum` and `simple-hl7` with one transaction a message,
// synced to disk before it is acknowledged; `medplum-none` and `simple-hl7-none` keep nothing.

const folder = mkdtempSync(join(tmpdir(), 'ficus-feed-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit());

/** What the peers keep messages with: the same database, at the same safety. */
function durableInsert(): (text: string) => void {
  const database = new DatabaseSync(join(folder, 'peer.sqlite'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE message (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO message (bytes) VALUES (?)');
  return (text) => void insert.run(Buffer.from(text));
}

async function ficus(): Promise<number> {
  keepObjectsYoung();
  const inbox = await openInboxIntake({
    file: join(folder, 'inbox.sqlite'),
    owners: { adt: 'integration team' },
  });
  const config = interfaceConfig.parse({ port: 0, owner: 'integration team' });
  const certificates = { use: () => ({}) };
  const mappings = loadMappings(join(import.meta.dirname, '../../mappings'));
  const intake = await createIntake({
    interfaces: [interfaceProfile('adt', config, certificates)],
    inbox,
    types: createMessageTypes(mappings.messages.values()),
    clock: systemClock,
  });
  return intake.ports['adt']!;
}

async function medplum(keep: (text: string) => void): Promise<number> {
  const server = new Hl7Server((connection) => {
    connection.addEventListener('message', ({ message }: Hl7MessageEvent) => {
      keep(message.toString());
      connection.send(message.buildAck());
    });
  });
  await server.start(0);
  return ((server.server as Server).address() as AddressInfo).port;
}

interface SimpleApp {
  use(handler: (req: { raw?: string; msg: { toString(): string } }, res: { end(): void }) => void): void;
  start(port: number): { server: Server };
}

async function simpleHl7(keep: (text: string) => void): Promise<number> {
  const simple = createRequire(import.meta.url)('simple-hl7') as { tcp(): SimpleApp };
  const app = simple.tcp();
  app.use((req, res) => {
    keep(req.raw ?? req.msg.toString());
    res.end();
  });
  const { server } = app.start(0);
  if (!server.listening) await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const nothing = (): void => {};
const KINDS: Readonly<Record<string, () => Promise<number>>> = {
  ficus,
  medplum: () => medplum(durableInsert()),
  'simple-hl7': () => simpleHl7(durableInsert()),
  'medplum-none': () => medplum(nothing),
  'simple-hl7-none': () => simpleHl7(nothing),
};

playRole(await KINDS[process.argv[2]!]!());
