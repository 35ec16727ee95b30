import { Hl7Client, Hl7Server } from '@medplum/hl7';
import type { Hl7MessageEvent } from '@medplum/hl7';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createAck } from '../adapters/hl7v2/ack.ts';
import { createMllpPool } from '../adapters/hl7v2/client.ts';
import { createMllpListener } from '../adapters/hl7v2/listener.ts';
import { parseMessage } from '../adapters/hl7v2/parse.ts';
import { systemClock } from '../src/clock.ts';
import { compareRuns, costRow, cpuMicroseconds, median } from './harness.ts';
import type { Row } from './harness.ts';
import { adtMessage } from './messages.ts';

// MLLP client and server in one process, so that CPU a message is both their work: a message is made with its own control id, sent, received,
// acknowledged, and the acknowledgement matched. On 8 connections, one message in flight on each.

const CONNECTIONS = 8;
const OPERATIONS = 6_000;
const require = createRequire(import.meta.url);

/** A client and a server that exchange messages. */
interface Pair {
  readonly run: (operations: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

let serial = 0;
function nextId(): string {
  return `B${(serial++).toString(36).toUpperCase()}`;
}

/** Lets `width` callers share a number of operations. */
function spread(
  operations: number,
  width: number,
  once: (caller: number) => Promise<void>,
): Promise<unknown> {
  let left = operations;
  const caller = async (_: unknown, index: number): Promise<void> => {
    while (left-- > 0) await once(index);
  };
  return Promise.all(Array.from({ length: width }, caller));
}

function wrongReply(): Error {
  return new Error('a reply that is not the message’s');
}

async function ourPair(connections: number): Promise<Pair> {
  const listener = await createMllpListener({
    port: 0,
    clock: systemClock,
    handler: (payload) =>
      createAck(parseMessage(payload), 'AA', { controlId: nextId(), now: systemClock.now() }).toBytes(),
  });
  const pool = createMllpPool({ host: '127.0.0.1', port: listener.port, clock: systemClock, connections });
  const once = async (): Promise<void> => {
    const controlId = nextId();
    const reply = await pool.exchange(parseMessage(Buffer.from(adtMessage(controlId))), { expects: 'write' });
    if (reply.value('MSA', 1) !== 'AA' || reply.value('MSA', 2) !== controlId) throw wrongReply();
  };
  return {
    run: (operations) => spread(operations, connections, once),
    close: async () => {
      await pool.close();
      await listener.close();
    },
  };
}

type PeerMessage = Parameters<Hl7Client['sendAndWait']>[0];
/** The message class that @medplum/hl7 itself uses: it may bring its own version of @medplum/core. */
const medplum = createRequire(require.resolve('@medplum/hl7'))('@medplum/core') as {
  Hl7Message: { parse(text: string): PeerMessage };
};

async function medplumPair(): Promise<Pair> {
  const server = new Hl7Server((connection) => {
    connection.addEventListener('message', ({ message }: Hl7MessageEvent) =>
      connection.send(message.buildAck()),
    );
  });
  await server.start(0);
  const { port } = (server.server as Server).address() as AddressInfo;
  const clients = Array.from(
    { length: CONNECTIONS },
    () => new Hl7Client({ host: '127.0.0.1', port, keepAlive: true }),
  );
  const once = async (caller: number): Promise<void> => {
    const controlId = nextId();
    const reply = await clients[caller]!.sendAndWait(medplum.Hl7Message.parse(adtMessage(controlId)));
    const msa = reply.getSegment('MSA');
    if (msa?.getComponent(1, 1) !== 'AA' || msa.getComponent(2, 1) !== controlId) throw wrongReply();
  };
  return {
    run: (operations) => spread(operations, CONNECTIONS, once),
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
    },
  };
}

interface SimpleMessage {
  getSegment(name: string): { getField(index: number): unknown };
}
interface SimpleClient {
  connect(done: () => void): void;
  send(message: SimpleMessage, done: (error: unknown, ack: SimpleMessage) => void): void;
  close(): void;
}
interface SimpleApp {
  use(handler: (req: unknown, res: { end(): void }) => void): void;
  start(port: number): { server: Server };
  stop(): void;
}
const simple = require('simple-hl7') as {
  Parser: new (options: object) => { parse(text: string): SimpleMessage };
  Server: { createTcpClient(options: object): SimpleClient };
  tcp(): SimpleApp;
};

async function simplePair(): Promise<Pair> {
  const app = simple.tcp();
  app.use((_, res) => res.end());
  const started = app.start(0);
  if (!started.server.listening) await once(started.server, 'listening');
  const { port } = started.server.address() as AddressInfo;
  const parser = new simple.Parser({ segmentSeperator: '\r' });
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = simple.Server.createTcpClient({ host: '127.0.0.1', port, keepalive: true });
      await new Promise<void>((resolve) => client.connect(resolve));
      return client;
    }),
  );
  const exchange = async (caller: number): Promise<void> => {
    const controlId = nextId();
    const message = parser.parse(adtMessage(controlId));
    const ack = await new Promise<SimpleMessage>((resolve, reject) => {
      clients[caller]!.send(message, (error, reply) => (error ? reject(wrongReply()) : resolve(reply)));
    });
    const msa = ack.getSegment('MSA');
    if (String(msa.getField(1)) !== 'AA' || String(msa.getField(2)) !== controlId) throw wrongReply();
  };
  return {
    run: (operations) => spread(operations, CONNECTIONS, exchange),
    close: async () => {
      for (const client of clients) client.close();
      app.stop();
    },
  };
}

/** The floor: bytes out, bytes back, nothing looked at. */
async function barePair(): Promise<Pair> {
  const frame = Buffer.from(`\x0b${adtMessage('BARE')}\x1c\r`);
  const answer = Buffer.from(
    '\x0bMSH|^~\\&|A|B|C|D|20260214101500+0000||ACK^A08^ACK|1|P|2.5.1\rMSA|AA|BARE\r\x1c\r',
  );
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', () => socket.write(answer));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const waiting = new Map<Socket, () => void>();
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1').setNoDelay(true);
      socket.on('data', () => waiting.get(socket)!());
      await once(socket, 'connect');
      return socket;
    }),
  );
  const exchange = (caller: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = sockets[caller]!;
      waiting.set(socket, resolve);
      socket.write(frame);
    });
  return {
    run: (operations) => spread(operations, CONNECTIONS, exchange),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** CPU a message in the first and in the second half of 100,000 messages on one connection: medians of parts of 5,000. */
async function longRun(): Promise<Row> {
  const pair = await ourPair(1);
  const part = 5_000;
  await pair.run(2 * part);
  const costs: number[] = [];
  for (let done = 0; done < 100_000; done += part)
    costs.push(await cpuMicroseconds(part, () => pair.run(part)));
  await pair.close();
  const half = costs.length / 2;
  const [early, late] = [median(costs.slice(0, half)), median(costs.slice(half))];
  return costRow(
    'one connection: messages 50,000 to 100,000, against the first 50,000',
    late,
    early,
    'us a message',
    0.9,
  );
}

export default async function mllpBench(): Promise<Row[]> {
  const pairs = [await ourPair(CONNECTIONS), await medplumPair(), await simplePair(), await barePair()];
  const [ours = 0, medplumCost = 0, simpleCost = 0, bare = 0] = await compareRuns(
    pairs.map((pair) => pair.run),
    { operations: OPERATIONS },
  );
  for (const pair of pairs) await pair.close();
  return [
    costRow('client and server, 8 connections, against @medplum/hl7', ours, medplumCost, 'us a message', 4),
    costRow('client and server, 8 connections, against simple-hl7', ours, simpleCost, 'us a message', 3),
    costRow('client and server, 8 connections, against bare sockets', ours, bare, 'us a message'),
    await longRun(),
  ];
}
