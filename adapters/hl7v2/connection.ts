import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Clock } from '../../src/ports.ts';
import { createAck } from './ack.ts';
import type { CharsetChoice } from './charset.ts';
import { lost, malformed, rejectExchange, unanswered, wantsApplicationAck } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { createDeframer, encodeFrame } from './framing.ts';
import type { Deframer, FrameEvent } from './framing.ts';
import type { Message } from './message.ts';
import { parseMessage } from './parse.ts';

/** Where and how one connection is made. All times in milliseconds. */
export interface ConnectionOptions extends CharsetChoice {
  readonly host: string;
  readonly port: number;
  /**
   * TLS with these options (ca, cert, key, servername); plain TCP without. Certificates are checked unless told
   * otherwise.
   */
  readonly tls?: TlsOptions;
  readonly connectTimeoutMs: number;
  /** Silence after which TCP probes a peer that may be gone. */
  readonly keepAliveMs: number;
  readonly maxFrameBytes: number;
  /** Silence after which a reply without its final CR counts as complete. */
  readonly settleMs: number;
  readonly clock: Clock;
}

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** Connected; `idle` follows. */
  opened(): void;
  /** Connected, or done with an exchange: can take one. */
  idle(connection: MllpConnection): void;
  /** The reply that an exchange waited for. */
  answered(exchange: Exchange, reply: Message): void;
  /** Gone for good. `error` when it could not be made or broke. */
  gone(connection: MllpConnection, error: unknown): void;
  /** An exchange went down with its connection before a byte of answer came, and may be sent elsewhere. */
  resend(exchange: Exchange): void;
  /** A reply nobody waits for, or that names another message. */
  dropped(reason: 'late' | 'mismatch'): void;
  noise(bytes: number): void;
  /** A new control id, for an accept acknowledgement of ours. */
  controlId(): string;
}

/** One TCP or TLS connection to a core, with at most one exchange in flight. */
export class MllpConnection {
  state: 'connecting' | 'idle' | 'busy' | 'closed' = 'connecting';
  /** When it last became idle: epoch milliseconds. */
  idleSince = 0;
  /** Connected at least once. */
  opened = false;
  private readonly options: ConnectionOptions;
  private readonly events: ConnectionEvents;
  private readonly socket: Socket;
  private readonly deframer: Deframer;
  private current: Exchange | undefined;
  /** Exchanges that ended well here before the current one. */
  private completed = 0;
  /** The current one has had its accept acknowledgement. */
  private answered = false;
  private error: unknown;
  private cancelTimer: (() => void) | undefined;
  private timerAt = Infinity;
  private cancelSettle: (() => void) | undefined;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.options = options;
    this.events = events;
    this.deframer = createDeframer(options.maxFrameBytes);
    const { host, port, tls } = options;
    this.socket = tls ? connectTls({ ...tls, host, port }) : connectTcp({ host, port });
    this.socket.setNoDelay(true);
    this.socket.setKeepAlive(true, options.keepAliveMs);
    this.socket.once(tls ? 'secureConnect' : 'connect', () => this.connected());
    this.socket.on('data', (chunk: Buffer) => this.received(chunk));
    this.socket.on('error', (error) => {
      this.error ??= error;
    });
    this.socket.once('end', () => this.frames(this.deframer.end()));
    this.socket.once('close', () => this.gone());
    this.arm(options.clock.now() + options.connectTimeoutMs);
  }

  /** Writes a message. The connection must be idle. */
  send(exchange: Exchange): void {
    this.state = 'busy';
    this.current = exchange;
    this.answered = false;
    this.socket.write(exchange.frame);
    if (exchange.deadline < this.timerAt) this.arm(exchange.deadline);
  }

  /** Whether the peer is known to have gone. */
  get usable(): boolean {
    return this.state === 'idle' && this.socket.writable && this.socket.readable;
  }

  /** Ends the connection now; what is in flight fails. */
  destroy(error?: unknown): void {
    this.error ??= error;
    this.socket.destroy();
    this.gone();
  }

  private connected(): void {
    this.opened = true;
    this.disarm();
    this.events.opened();
    this.becomeIdle();
  }

  private becomeIdle(): void {
    if (this.state === 'closed') return;
    this.state = 'idle';
    this.idleSince = this.options.clock.now();
    this.events.idle(this);
  }

  private received(chunk: Buffer): void {
    this.cancelSettle?.();
    this.cancelSettle = undefined;
    this.frames(this.deframer.feed(chunk));
    if (this.deframer.awaitingEnd && this.state !== 'closed') {
      this.cancelSettle = this.options.clock.after(this.options.settleMs, () =>
        this.frames(this.deframer.settle()),
      );
    }
  }

  private frames(events: readonly FrameEvent[]): void {
    for (const event of events) {
      if (this.state === 'closed') return;
      if (event.kind === 'frame') this.reply(event.payload);
      else if (event.kind === 'noise') this.events.noise(event.bytes);
      else if (event.kind === 'overlong') this.fail(new RangeError('reply longer than the limit'));
    }
  }

  private reply(payload: Buffer): void {
    const exchange = this.current;
    if (!exchange) {
      this.events.dropped('late');
      return;
    }
    let reply: Message;
    let controlId: string | null | undefined;
    try {
      reply = parseMessage(payload, this.options);
      controlId = reply.value('MSA', 2);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (!controlId) {
      this.fail(new TypeError('reply without MSA-2'));
      return;
    }
    // Before anything else is read of it, on success and on error alike.
    if (controlId !== exchange.controlId) {
      this.events.dropped('mismatch');
      return;
    }
    if (reply.value('MSA', 1) === 'CA' && wantsApplicationAck(exchange.message, this.options)) {
      this.answered = true;
      return;
    }
    this.acknowledge(reply);
    this.current = undefined;
    this.completed++;
    if (exchange.done) this.events.dropped('late');
    else this.events.answered(exchange, reply);
    this.becomeIdle();
  }

  /** An application acknowledgement may ask for an accept acknowledgement of its own: HL7 v2.5.1 §2.9.3.2. */
  private acknowledge(reply: Message): void {
    if (reply.value('MSH', 15) !== 'AL') return;
    const ack = createAck(reply, 'CA', { controlId: this.events.controlId(), now: this.options.clock.now() });
    this.socket.write(encodeFrame(ack.toBytes()));
  }

  /** An answer came that cannot be read: what follows on this connection cannot be trusted either. */
  private fail(cause: unknown): void {
    if (this.current) rejectExchange(this.current, malformed(this.current.expects, cause));
    this.destroy(cause);
  }

  private gone(): void {
    if (this.state === 'closed') return;
    const exchange = this.current;
    this.state = 'closed';
    this.current = undefined;
    this.disarm();
    this.cancelSettle?.();
    if (exchange && !exchange.done) {
      // A connection that was kept may have been dead already when this was written: a query may go out again, once.
      const stale = this.completed > 0 && !this.answered && (this.error === undefined || isReset(this.error));
      if (stale && exchange.expects === 'query' && !exchange.resent) {
        exchange.resent = true;
        this.events.resend(exchange);
      } else {
        rejectExchange(exchange, lost(exchange.expects, this.error));
      }
    }
    this.events.gone(this, this.error);
  }

  /** One timer a connection, moved only when it must fire earlier: an exchange answered in time costs none. */
  private arm(at: number): void {
    this.disarm();
    this.timerAt = at;
    this.cancelTimer = this.options.clock.after(Math.max(0, at - this.options.clock.now()), () =>
      this.expired(),
    );
  }

  private disarm(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.timerAt = Infinity;
  }

  private expired(): void {
    this.timerAt = Infinity;
    this.cancelTimer = undefined;
    if (this.state === 'connecting') {
      this.destroy(new Error('connect timeout'));
      return;
    }
    const exchange = this.current;
    if (!exchange) return;
    if (this.options.clock.now() < exchange.deadline) {
      this.arm(exchange.deadline);
      return;
    }
    rejectExchange(exchange, unanswered(exchange.expects));
    this.destroy();
  }
}

function isReset(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
