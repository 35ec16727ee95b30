import type { Signal } from '../../src/cancellation.ts';
import type { Logger } from '../../src/ports.ts';
import type { ExchangeOptions, MllpPool, MllpPoolOptions, MllpPoolStats } from './pool-options.ts';
import { MllpConnection } from './connection.ts';
import type { ConnectionEvents, ConnectionOptions } from './connection.ts';
import {
  abandoned,
  controlIdOf,
  endExchange,
  neverSent,
  refused,
  rejectExchange,
  unreachable,
} from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { encodeFrame } from './framing.ts';
import { Message } from './message.ts';
import { createExchangeQueue } from './queue.ts';
import type { ExchangeQueue } from './queue.ts';

/** What `createMllpPool` makes. */
export class ConnectionPool implements MllpPool, ConnectionEvents {
  private readonly options: MllpPoolOptions;
  private readonly connectionOptions: ConnectionOptions;
  private readonly log: Logger | undefined;
  private readonly queue: ExchangeQueue;
  private readonly all = new Set<MllpConnection>();
  /** The one used last is used next: the others may go stale and be replaced. */
  private readonly ready: MllpConnection[] = [];
  private readonly counts = {
    sent: 0,
    connects: 0,
    connectFailures: 0,
    late: 0,
    mismatched: 0,
    noiseBytes: 0,
  };
  /** Replies that came in this turn of the event loop, and those who wait for them. */
  private answers: (readonly [exchange: Exchange, reply: Message])[] = [];
  private connecting = 0;
  private failures = 0;
  /** No connecting before; epoch milliseconds. */
  private retryAt = 0;
  /** No sending before. */
  private sendAt = 0;
  private cancelPace: (() => void) | undefined;
  private cancelSweep: (() => void) | undefined;
  private sweepAt = Infinity;
  private closed: Promise<void> | undefined;
  private drained: (() => void) | undefined;
  private serial = 0;

  constructor(options: MllpPoolOptions) {
    this.options = options;
    this.log = options.log;
    this.queue = createExchangeQueue(options.maxQueue ?? 256);
    this.connectionOptions = {
      ...options,
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      keepAliveMs: options.keepAliveMs ?? 15_000,
      maxFrameBytes: options.maxFrameBytes ?? 16 * 1024 * 1024,
      settleMs: options.settleMs ?? 100,
    };
  }

  get stats(): MllpPoolStats {
    const open = this.all.size - this.connecting;
    return { ...this.counts, open, busy: open - this.ready.length, queued: this.queue.length };
  }

  exchange(message: Message | Uint8Array, options: ExchangeOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      const { signal, expects } = options;
      const now = this.options.clock.now();
      const exchange: Exchange = {
        message,
        frame: encodeFrame(message instanceof Message ? message.toBytes() : message),
        controlId: options.controlId ?? controlIdOf(message, this.options),
        expects,
        deadline: options.deadline ?? now + (this.options.timeoutMs ?? 30_000),
        sent: false,
        resent: false,
        done: false,
        resolve,
        reject,
        release: undefined,
      };
      const problem = this.refusal(exchange, now, signal);
      if (problem) reject(problem);
      else this.take(exchange, now, signal);
    });
  }

  close(): Promise<void> {
    this.closed ??= new Promise((resolve) => {
      this.drained = resolve;
    });
    this.pump();
    return this.closed;
  }

  opened(): void {
    this.connecting--;
    this.counts.connects++;
    this.failures = 0;
  }

  idle(connection: MllpConnection): void {
    this.ready.push(connection);
    this.pump();
  }

  /**
   * Replies are passed on when all that came together are there: whatever is made of the first would keep the next
   * connection, on which a reply has come as well, from its next message.
   */
  answered(exchange: Exchange, reply: Message): void {
    endExchange(exchange);
    if (this.answers.push([exchange, reply]) === 1) setImmediate(() => this.passOn());
  }

  gone(connection: MllpConnection, error: unknown): void {
    this.all.delete(connection);
    const at = this.ready.indexOf(connection);
    if (at !== -1) this.ready.splice(at, 1);
    if (!connection.opened) this.connectFailed(error);
    else if (error !== undefined) this.log?.warn('mllp connection lost', { error });
    this.pump();
  }

  resend(exchange: Exchange): void {
    exchange.sent = false;
    this.queue.unshift(exchange);
    this.sweepBy(exchange.deadline);
  }

  dropped(reason: 'late' | 'mismatch'): void {
    if (reason === 'late') this.counts.late++;
    else this.counts.mismatched++;
    this.log?.warn('mllp reply dropped', { reason });
  }

  noise(bytes: number): void {
    this.counts.noiseBytes += bytes;
  }

  controlId(): string {
    this.serial++;
    return `${this.options.clock.now().toString(36)}${this.serial.toString(36)}`.toUpperCase();
  }

  private passOn(): void {
    const { answers } = this;
    this.answers = [];
    for (const [exchange, reply] of answers) exchange.resolve(reply);
  }

  /** Why an exchange cannot even be queued. */
  private refusal(exchange: Exchange, now: number, signal: Signal | undefined): unknown {
    if (this.closed) return refused('Ficus is shutting down');
    if (signal?.aborted) return abandoned(exchange, signal.reason);
    if (exchange.deadline <= now) return neverSent();
    // With no connection left, and the next attempt not yet due, waiting helps nobody.
    if (this.all.size === 0 && now < this.retryAt) return unreachable(this.retryAt - now);
    return undefined;
  }

  private take(exchange: Exchange, now: number, signal: Signal | undefined): void {
    if (signal) {
      const abort = (): void => {
        if (!exchange.sent) this.queue.forget();
        rejectExchange(exchange, abandoned(exchange, signal.reason));
      };
      signal.addEventListener('abort', abort, { once: true });
      exchange.release = () => signal.removeEventListener('abort', abort);
    }
    if (this.queue.length === 0 && now >= this.sendAt) {
      const connection = this.pick(now);
      if (connection) {
        this.send(connection, exchange, now);
        return;
      }
    }
    if (!this.queue.push(exchange)) {
      rejectExchange(exchange, refused('Too many messages wait for the legacy system'));
      return;
    }
    this.sweepBy(exchange.deadline);
    this.pump();
  }

  /** An idle connection that can be trusted with a message. */
  private pick(now: number): MllpConnection | undefined {
    const maxIdleMs = this.options.maxIdleMs ?? 60_000;
    for (let connection = this.ready.pop(); connection; connection = this.ready.pop()) {
      if (connection.usable && now - connection.idleSince < maxIdleMs) return connection;
      connection.destroy();
    }
    return undefined;
  }

  private send(connection: MllpConnection, exchange: Exchange, now: number): void {
    this.sendAt = now + (this.options.minIntervalMs ?? 0);
    this.counts.sent++;
    exchange.sent = true;
    connection.send(exchange);
  }

  /**
   * Sends what waits, as far as connections and pace allow; connects where they do not suffice; ends the pool when it
   * is to close.
   */
  private pump(): void {
    const now = this.options.clock.now();
    while (this.queue.length > 0) {
      if (now < this.sendAt) {
        this.cancelPace ??= this.options.clock.after(this.sendAt - now, () => {
          this.cancelPace = undefined;
          this.pump();
        });
        return;
      }
      const connection = this.pick(now);
      if (!connection) {
        this.connect(now);
        return;
      }
      const exchange = this.queue.shift();
      if (exchange) this.send(connection, exchange, now);
      else this.ready.push(connection);
    }
    if (this.drained && this.ready.length === this.all.size - this.connecting) this.finish();
  }

  private connect(now: number): void {
    if (now < this.retryAt) return;
    // After a failure one connection tries the way; the others follow when it is open.
    const wanted = this.failures > 0 ? 1 : this.queue.length;
    const room = (this.options.connections ?? 8) - this.all.size;
    for (let made = 0; this.connecting < wanted && made < room; made++) {
      this.connecting++;
      this.all.add(new MllpConnection(this.connectionOptions, this));
    }
  }

  private connectFailed(error: unknown): void {
    const { initialMs = 100, maxMs = 10_000 } = this.options.backoff ?? {};
    const now = this.options.clock.now();
    this.connecting--;
    this.counts.connectFailures++;
    if (now >= this.retryAt) {
      const full = Math.min(maxMs, initialMs * 2 ** Math.min(this.failures, 30));
      this.retryAt = now + full * (1 - (this.options.random ?? Math.random)() / 2);
      this.failures++;
    }
    const waitMs = Math.max(0, this.retryAt - now);
    this.log?.warn('mllp connect failed', { error, durationMs: waitMs, attempt: this.failures });
    if (this.all.size > 0) {
      // Those that are open serve the queue; another attempt is made in time if they do not suffice.
      this.options.clock.after(waitMs, () => this.pump());
      return;
    }
    for (const exchange of this.queue.take(() => true)) rejectExchange(exchange, unreachable(waitMs, error));
  }

  /** Sees to it that nothing waits beyond its deadline: one timer for the whole queue. */
  private sweepBy(deadline: number): void {
    if (deadline >= this.sweepAt) return;
    this.cancelSweep?.();
    this.sweepAt = deadline;
    this.cancelSweep = this.options.clock.after(Math.max(0, deadline - this.options.clock.now()), () => {
      this.sweepAt = Infinity;
      this.cancelSweep = undefined;
      const now = this.options.clock.now();
      for (const exchange of this.queue.take((waiting) => waiting.deadline <= now))
        rejectExchange(exchange, neverSent());
      const next = this.queue.earliest();
      if (next !== undefined) this.sweepBy(next);
      this.pump();
    });
  }

  private finish(): void {
    this.cancelSweep?.();
    this.cancelPace?.();
    const resolve = this.drained;
    this.drained = undefined;
    for (const connection of this.all) connection.destroy();
    resolve?.();
  }
}
