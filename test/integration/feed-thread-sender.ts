import { connect } from 'node:net';
import { workerData } from 'node:worker_threads';
import { messageOf } from '../unit/adapters/hl7v2/intake/support.ts';

/** A sender in a thread of its own: one message after another, each when the one before is acknowledged. */
export interface SenderData {
  readonly port: number;
  /** Counts what was acknowledged; it is notified. */
  readonly acknowledged: Int32Array;
}

const { port, acknowledged } = workerData as SenderData;
const socket = connect(port, '127.0.0.1');
let nth = 0;
const send = (): void => void socket.write(`\x0b${messageOf({ id: `T${nth++}` })}\x1c\r`);
socket.on('connect', send);
socket.on('data', (chunk: Buffer) => {
  if (!chunk.includes('MSA|AA|')) return;
  Atomics.add(acknowledged, 0, 1);
  Atomics.notify(acknowledged, 0);
  send();
});
socket.on('error', () => {});
