import { Hl7Server } from '@medplum/hl7';
import type { Hl7MessageEvent } from '@medplum/hl7';
import { once } from 'node:events';
import { constants, mkdtempSync, openSync, rmSync, write, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDeframer, encodeFrame } from '../../adapters/hl7v2/framing.ts';
import { createSettlements } from '../../adapters/hl7v2/intake/settlements.ts';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { startIntake } from '../../src/compose/feed/intake-client.ts';
import { knownMessages } from '../../src/compose/feed/intake-wire.ts';
import { interfaceProfile } from '../../src/compose/interface-profile.ts';
import { feedConfig, interfaceConfig } from '../../src/config/feed-schema.ts';
import { loadMappings } from '../../src/config/mappings.ts';
import { createLogger } from '../../src/log.ts';
import { playRole } from '../facade/role.ts';

// A process that takes messages over MLLP: node server.ts KIND. `ficus` with its inbox on disk, in the thread that it is delivered with; `medplum` and `simple-hl7` with one transaction a message,
// synced to disk before it is acknowledged; `medplum-none` and `simple-hl7-none` keep nothing; `floor` is the least that could be had of Node.

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
  const config = interfaceConfig.parse({ port: 0, owner: 'integration team' });
  const certificates = { use: () => ({}) };
  const mappings = loadMappings(join(import.meta.dirname, '../../mappings'));
  const { pendingMessages: messages, pendingBytes: bytes } = feedConfig.parse({
    interfaces: { adt: config },
  });
  const intake = await startIntake({
    inbox: join(folder, 'inbox.sqlite'),
    owners: { adt: 'integration team' },
    types: knownMessages(mappings.messages.values()),
    most: { messages, bytes },
    settlements: createSettlements(() => undefined),
    onStored: nothing,
    clock: systemClock,
    log: createLogger({ level: 'error' }),
  });
  await intake.listen([interfaceProfile('adt', config, certificates)]);
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

/** What is waiting for the disk, with whom it came from. */
interface Waiting {
  readonly socket: Socket;
  readonly payload: Buffer;
}

/**
 * The least that can be called durable: frames, one write and sync for all that came meanwhile, into a file that is written with zeros, off the event loop; and an
 * acknowledgement made of parts of the message. No look at what it says, no duplicates, no rows, and a file that is only ever overwritten.
 */
async function floor(): Promise<number> {
  const size = 8 << 20;
  const path = join(folder, 'floor');
  writeFileSync(path, Buffer.alloc(size));
  const file = openSync(path, constants.O_WRONLY | constants.O_DSYNC);
  let waiting: Waiting[] = [];
  let at = 0;
  let busy = false;
  const next = (): void => {
    if (waiting.length === 0) {
      busy = false;
      return;
    }
    const group = waiting;
    waiting = [];
    const bytes = Buffer.concat(group.map(({ payload }) => payload));
    if (at + bytes.length > size) at = 0;
    write(file, bytes, 0, bytes.length, at, (error) => {
      if (error) throw error;
      for (const { socket, payload } of group) socket.write(encodeFrame(splicedAck(payload)));
      next();
    });
    at += bytes.length;
  };
  const server = createServer((socket) => {
    const deframer = createDeframer(size);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const event of deframer.feed(chunk))
        if (event.kind === 'frame') waiting.push({ socket, payload: event.payload });
      if (busy || waiting.length === 0) return;
      busy = true;
      setImmediate(next);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function splicedAck(payload: Buffer): Buffer {
  const [, encoding, ...fields] = payload.toString('latin1', 0, payload.indexOf('\r')).split('|');
  const [sender, facility, receiver, place, at, , , id] = fields;
  return Buffer.from(
    `MSH|${encoding}|${receiver}|${place}|${sender}|${facility}|${at}||ACK|${id}|P|2.5.1\rMSA|AA|${id}\r`,
    'latin1',
  );
}

const nothing = (): void => {};
const KINDS: Readonly<Record<string, () => Promise<number>>> = {
  ficus,
  floor,
  medplum: () => medplum(durableInsert()),
  'simple-hl7': () => simpleHl7(durableInsert()),
  'medplum-none': () => medplum(nothing),
  'simple-hl7-none': () => simpleHl7(nothing),
};

playRole(await KINDS[process.argv[2]!]!());
