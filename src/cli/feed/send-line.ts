import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { createAck } from '../../../adapters/hl7v2/ack.ts';
import { createDeframer, encodeFrame } from '../../../adapters/hl7v2/framing.ts';
import type { FrameEvent } from '../../../adapters/hl7v2/framing.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { systemClock } from '../../clock.ts';

/** Where messages are sent. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Plain TCP without. */
  readonly tls?: ConnectionOptions;
}

/**
 * One connection to a listener, made anew when it is needed again. Whatever comes back is told as it comes: an enhanced
 * listener answers twice.
 */
export interface SendLine {
  /** Writes a message. @throws Error when nobody is there */
  write(message: Message): Promise<void>;
  /**
   * Whether something holds, as soon as it does; false when the connection is gone before, or so many milliseconds have
   * passed since something came.
   */
  until(holds: () => boolean, ms: number): Promise<boolean>;
  /** Code of the error that ended the connection; undefined while there is one, and when it ended without. */
  readonly brokeBy: string | undefined;
  /** Leaves the connection at once: what was written may not arrive. */
  drop(): void;
  /** Lets what was written arrive, and be answered, as long as the other side takes for it; two seconds at most. */
  end(): Promise<void>;
}

/** Longest answer, in bytes. */
const MOST = 16 << 20;
const CONNECT_MS = 5_000;
const END_MS = 2_000;

/** @param onReply told of each acknowledgement */
export function createSendLine(to: Listener, onReply: (reply: Message) => void): SendLine {
  let socket: Socket | undefined;
  let brokeBy: string | undefined;
  let serial = 0;
  /** Whoever waits looks again. */
  let look = (): void => {};

  function hear(line: Socket, events: readonly FrameEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'frame') continue;
      let reply: Message;
      try {
        reply = parseMessage(event.payload, { defaultCharset: 'UNICODE UTF-8' });
      } catch {
        // What follows cannot be trusted either.
        line.destroy();
        return;
      }
      onReply(reply);
      acknowledge(line, reply);
    }
    look();
  }

  /** An application acknowledgement may ask for an accept acknowledgement of its own (HL7 v2.5.1 §2.9.3.2). */
  function acknowledge(line: Socket, reply: Message): void {
    if (reply.value('MSH', 15) !== 'AL') return;
    const now = systemClock.now();
    const controlId = `${now.toString(36)}S${(serial++).toString(36)}`.toUpperCase();
    line.write(encodeFrame(createAck(reply, 'CA', { controlId, now }).toBytes()));
  }

  function open(): Promise<Socket> {
    const { host, port, tls } = to;
    const line = tls ? connectTls({ ...tls, host, port }) : connectTcp({ host, port });
    const deframer = createDeframer(MOST);
    line.setNoDelay(true);
    brokeBy = undefined;
    // With TLS 1.3 a certificate is refused after the connection is there.
    line.on('error', ({ code }: NodeJS.ErrnoException) => (brokeBy = code));
    line.on('data', (chunk: Buffer) => hear(line, deframer.feed(chunk)));
    line.once('end', () => hear(line, deframer.end()));
    line.on('close', () => {
      if (socket === line) socket = undefined;
      look();
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => line.destroy(new Error('nobody answered in time')), CONNECT_MS);
      line.on('error', reject);
      line.once(tls ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        socket = line;
        resolve(line);
      });
      line.once('close', () => clearTimeout(timer));
    });
  }

  return {
    async write(message) {
      const line = socket ?? (await open());
      line.write(encodeFrame(message.toBytes()));
    },
    until: (holds, ms) =>
      new Promise((resolve) => {
        let timer = setTimeout(() => end(false), ms);
        const end = (value: boolean): void => {
          clearTimeout(timer);
          look = () => {};
          resolve(value);
        };
        look = () => {
          if (holds()) end(true);
          else if (!socket) end(false);
          else timer = timer.refresh();
        };
        look();
      }),
    get brokeBy() {
      return brokeBy;
    },
    drop() {
      socket?.destroy();
      socket = undefined;
    },
    end: () =>
      new Promise((resolve) => {
        const line = socket;
        if (!line) return resolve();
        const timer = setTimeout(() => line.destroy(), END_MS);
        line.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        line.end();
      }),
  };
}
