import type { Clock, Logger } from '../../../src/ports.ts';
import { createMllpPool } from '../client.ts';
import type { ReplyAddress } from './profile.ts';

export interface ReplyChannelOptions {
  readonly address: ReplyAddress;
  readonly clock: Clock;
  readonly log?: Logger;
  /** Called for every acknowledgement that is given up. */
  readonly lost: () => void;
  /** Acknowledgements that may wait; 10 000. One more is given up. */
  readonly most?: number;
  /** Milliseconds before the next attempt, at first and at most; 500 and 30 000. */
  readonly pause?: { readonly first: number; readonly most: number };
  /** Attempts before one is given up; 20. */
  readonly attempts?: number;
}

/** Sends application acknowledgements to where a sender listens for them. */
export interface ReplyChannel {
  send(payload: Uint8Array): void;
  /** Gives up what waits. */
  close(): Promise<void>;
}

/**
 * Application acknowledgements as messages of their own on a connection of ours (HL7 v2.5.1 §2.9.3.2): one after another, in order, again with the
 * same MSH-10 until the other side has accepted it. They live in memory: a sender that misses one sends its message again, and is told again.
 */
export function createReplyChannel(options: ReplyChannelOptions): ReplyChannel {
  const { address, clock, log, lost, most = 10_000, attempts = 20 } = options;
  const { first, most: longest } = options.pause ?? { first: 500, most: 30_000 };
  const pool = createMllpPool({ ...address, connections: 1, clock, ...(log ? { log } : {}) });
  const queue: Uint8Array[] = [];
  let running = false;
  let closed = false;
  let wake: (() => void) | undefined;

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });

  async function deliver(payload: Uint8Array): Promise<void> {
    let pause = first;
    for (let attempt = 1; ; attempt++) {
      if (closed) break;
      try {
        const reply = await pool.exchange(payload, { expects: 'write' });
        const code = reply.value('MSA', 1) ?? '';
        if (code !== 'CA' && code !== 'AA') log?.warn('application acknowledgement refused', { ack: code });
        return;
      } catch (error) {
        if (attempt >= attempts) {
          log?.error('application acknowledgement given up', { error, attempt });
          lost();
          return;
        }
      }
      await wait(pause);
      pause = Math.min(2 * pause, longest);
    }
    lost();
  }

  async function run(): Promise<void> {
    running = true;
    for (let payload = queue.shift(); payload; payload = queue.shift()) await deliver(payload);
    running = false;
  }

  return {
    send(payload) {
      if (closed || queue.length >= most) {
        lost();
        return;
      }
      queue.push(payload);
      if (!running) void run();
    },
    async close() {
      closed = true;
      for (const _ of queue.splice(0)) lost();
      wake?.();
      await pool.close();
    },
  };
}
