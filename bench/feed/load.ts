import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { pinSelf } from '../facade/role.ts';
import { adtMessage } from '../messages.ts';

// The process that sends: node load.ts [CORE]. For every order { port, connections, messages } it opens connections, sends so many messages with one in flight on each,
// waits for every acknowledgement, checks that it is the message's own, and says what it measured.

/** What is to be sent. */
export interface Order {
  readonly port: number;
  readonly connections: number;
  /** Over all connections. */
  readonly messages: number;
  /** Or until so many milliseconds have passed. */
  readonly milliseconds?: number;
}

export interface Measured {
  readonly messages: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const END = Buffer.from('\x1c\r');
/** Unlike those of any earlier run: what came before would be a duplicate, and cheaper. */
const run = Date.now().toString(36).toUpperCase();
let serial = 0;

/** A frame and the place of its control id, which is of one length. */
const PLACEHOLDER = 'X'.repeat(16);
const template = Buffer.from(`\x0b${adtMessage(PLACEHOLDER)}\x1c\r`);
const idAt = template.indexOf(PLACEHOLDER);

/** A connection with one message in flight. What it sends and hears is made once: the process that sends is not to be what is measured. */
function createSender(socket: Socket): () => Promise<void> {
  const frame = Buffer.from(template);
  const expected = Buffer.from(`MSA|AA|${PLACEHOLDER}`);
  let received: Buffer = Buffer.alloc(0);
  let resolve = (): void => {};
  let reject: (error: Error) => void = () => {};
  socket.on('close', () => reject(new Error('the connection was closed before the acknowledgement')));
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (received.indexOf(END) === -1) return;
    const found = received.includes(expected);
    received = Buffer.alloc(0);
    if (found) resolve();
    else reject(new Error('an acknowledgement that is not AA of the message'));
  });
  return () => {
    const id = `${run}${(serial++).toString(36).toUpperCase()}`.padStart(16, '0').slice(-16);
    frame.write(id, idAt, 'latin1');
    expected.write(id, expected.length - id.length, 'latin1');
    return new Promise((resolved, rejected) => {
      resolve = resolved;
      reject = rejected;
      socket.write(frame);
    });
  };
}

async function fulfil({ port, connections, messages, milliseconds = Infinity }: Order): Promise<Measured> {
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      return socket;
    }),
  );
  const times: number[] = [];
  let left = messages;
  const begin = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      const sendOnce = createSender(socket);
      while (left-- > 0 && performance.now() - begin < milliseconds) {
        const from = performance.now();
        await sendOnce();
        times.push(performance.now() - from);
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  for (const socket of sockets) socket.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { messages: times.length, perSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const core = process.argv[2];
if (core !== undefined) pinSelf(Number(core));
process.on('message', (order: Order) => {
  void fulfil(order).then(
    (measured) => process.send!(measured),
    (error: unknown) => process.send!({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
