import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A request as bytes; every connection sends it again and again. */
export interface Load {
  readonly port: number;
  readonly request: Buffer;
  readonly connections: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
/** Everything that comes is read into here, one read after the other: the load must not wait for its own garbage collector. */
const READ = Buffer.allocUnsafeSlow(256 * 1024);
const EMPTY = Buffer.alloc(0);

/** Bytes of the answer's body from its head; -1: chunked. */
function lengthOf(head: string): number {
  if (!head.startsWith('HTTP/1.1 20')) throw new Error(`Unexpected answer: ${head.slice(0, 40)}`);
  return Number(/content-length: (\d+)/i.exec(head)?.[1] ?? -1);
}

/** Follows the bytes of answers, one after the other; says when one is whole. */
function createCounter(): (bytes: Buffer) => boolean {
  let head: Buffer = EMPTY;
  /** Bytes left of the body; -1: chunked; -2: in the head. */
  let left = -2;
  /** Of a chunked body: its last bytes, for its end may come in two reads. */
  let tail: Buffer = EMPTY;
  return (bytes) => {
    let rest = bytes;
    if (left === -2) {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      const at = head.indexOf(HEAD_END);
      if (at === -1) {
        head = Buffer.from(head);
        return false;
      }
      left = lengthOf(head.toString('latin1', 0, at));
      rest = head.subarray(at + HEAD_END.length);
      head = EMPTY;
    }
    if (left >= 0) left -= rest.length;
    else {
      tail = Buffer.concat([tail, rest.subarray(-LAST_CHUNK.length)]).subarray(-LAST_CHUNK.length);
    }
    const whole = left === 0 || (left === -1 && tail.equals(LAST_CHUNK));
    if (!whole) return false;
    left = -2;
    tail = EMPTY;
    return true;
  };
}

/**
 * One connection of a load generator that spends next to nothing itself: prepared bytes out, lengths counted in.
 *
 * @param again whether to send another request after an answer
 */
function drive(load: Load, again: () => boolean, onAnswer: (milliseconds: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const isWhole = createCounter();
    let startedAt = 0;
    const received = (bytes: number): boolean => {
      if (!isWhole(READ.subarray(0, bytes))) return true;
      onAnswer(performance.now() - startedAt);
      if (again()) send();
      else socket.end();
      return true;
    };
    const socket: Socket = connect({
      port: load.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: READ, callback: received },
    });
    const send = (): void => {
      startedAt = performance.now();
      socket.write(load.request);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

export interface Measured {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
}

/** Runs a load for so long. */
export async function measure(load: Load, milliseconds: number): Promise<Measured> {
  const times: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + milliseconds;
  await Promise.all(
    Array.from(
      { length: load.connections },
      () =>
      drive(load, () => performance.now() < until, (time) => times.push(time)), // prettier-ignore
    ),
  );
  times.sort((a, b) => a - b);
  return {
    count: times.length,
    perSecond: (times.length / (performance.now() - startedAt)) * 1000,
    p50Ms: times[times.length >> 1] ?? Number.NaN,
  };
}

/** Lets the compiler finish with the program: what is measured is how it runs for hours, not how it starts. */
export async function warmUp(load: Load, requests: number): Promise<void> {
  let left = requests;
  await Promise.all(Array.from({ length: load.connections }, () => drive(load, () => left > 0, () => (left -= 1)))); // prettier-ignore
}

/** Begins transfers and breaks each off after its first bytes. */
export async function abortTransfers(load: Load, count: number): Promise<void> {
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(load.port, '127.0.0.1', () => socket.write(load.request));
      socket.once('data', () => socket.destroy());
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  for (let done = 0; done < count; done += load.connections) {
    await Promise.all(Array.from({ length: Math.min(load.connections, count - done) }, one));
  }
}
