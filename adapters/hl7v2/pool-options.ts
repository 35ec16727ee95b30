import type { Signal } from '../../src/cancellation.ts';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Clock, Logger } from '../../src/ports.ts';
import type { CharsetChoice } from './charset.ts';
import type { Expects } from './exchange.ts';
import type { Message } from './message.ts';

/** One legacy core reached over MLLP. Times in milliseconds. */
export interface MllpPoolOptions extends CharsetChoice {
  readonly host: string;
  readonly port: number;
  /** TLS, with a client certificate where `cert` and `key` are given. Plain TCP without. */
  readonly tls?: TlsOptions;
  /** Connections at most; 8. */
  readonly connections?: number;
  /** Exchanges that may wait for a connection; 256. One more is refused. */
  readonly maxQueue?: number;
  /** Least time between two messages, over all connections: 0. */
  readonly minIntervalMs?: number;
  /** For exchanges that bring no deadline; 30 000. */
  readonly timeoutMs?: number;
  /** 5 000. */
  readonly connectTimeoutMs?: number;
  /** A connection idle for longer is not trusted with a message any more; 60 000. */
  readonly maxIdleMs?: number;
  /** TCP keep-alive; 15 000. */
  readonly keepAliveMs?: number;
  /**
   * Wait after a failed connect: doubles from `initialMs` (100) to `maxMs` (10 000), less up to half of it at random.
   */
  readonly backoff?: { readonly initialMs?: number; readonly maxMs?: number };
  /** Longest reply; 16 MiB. */
  readonly maxFrameBytes?: number;
  /** Silence after which a reply without its final CR counts as complete; 100. */
  readonly settleMs?: number;
  readonly clock: Clock;
  readonly log?: Logger;
  /** 0 to 1, for the jitter of the back-off. */
  readonly random?: () => number;
}

export interface ExchangeOptions {
  /** `write`: when no acknowledgement comes the outcome is unknown. `query`: it may be sent again. */
  readonly expects: Expects;
  /** MSH-10, when the caller has it at hand. */
  readonly controlId?: string;
  readonly signal?: Signal;
  /** Epoch milliseconds by the pool's Clock. */
  readonly deadline?: number;
}

/** Counts since the start, but for `open`, `busy` and `queued`. */
export interface MllpPoolStats {
  readonly open: number;
  readonly busy: number;
  readonly queued: number;
  readonly sent: number;
  readonly connects: number;
  readonly connectFailures: number;
  /** Replies that nobody waited for any more. */
  readonly late: number;
  /** Replies that named another message. */
  readonly mismatched: number;
  readonly noiseBytes: number;
}

export interface MllpPool {
  /**
   * Sends a message and resolves with the reply whose MSA-2 is its MSH-10, whatever MSA-1 says. With MSH-16 = AL an
   * accept acknowledgement (CA) is passed over and the application acknowledgement awaited; CE and CR are final.
   * @throws {FicusError} never sent: `unavailable` (no connection, queue full, closing), `timeout` (deadline passed in
   * the queue), `unmappable` (no MSH-10). Sent and unanswered: `outcome-unknown` for a write; `timeout`, or
   * `unavailable` when the connection broke, for a query. `legacy-malformed`: the answer cannot be read. When `signal`
   * aborts with a FicusError, that error, unless a write was sent.
   */
  exchange(message: Message | Uint8Array, options: ExchangeOptions): Promise<Message>;
  readonly stats: MllpPoolStats;
  /** Takes no more, serves what was taken, closes the connections. */
  close(): Promise<void>;
}
