import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { createDeframer, encodeFrame } from './framing.ts';
import type { FrameEvent } from './framing.ts';
import type {
  Answer,
  ListenerCounts,
  MllpListenerOptions,
  Peer,
  PeerCertificate,
} from './listener-options.ts';

/** A message that the handler has in hand, in the row of those before and after it on its connection. */
interface Slot {
  state: 'pending' | 'answered' | 'failed';
  answer: Answer;
}

/** One accepted connection of a listener. */
export class Receiver {
  private readonly socket: Socket;
  private readonly options: MllpListenerOptions;
  private readonly counts: ListenerCounts;
  private readonly deframer;
  private readonly peer: Peer;
  private readonly waiting: Buffer[] = [];
  /** In the order of the messages: only the first may be answered. */
  private readonly inHand: Slot[] = [];
  private closing = false;
  /** A message could not be taken: none after it is. */
  private failing = false;
  private lastByteAt: number;
  private cancelSettle: (() => void) | undefined;
  private cancelWatch: (() => void) | undefined;
  private readonly done: Promise<void>;

  constructor(socket: Socket, options: MllpListenerOptions, counts: ListenerCounts, closed: () => void) {
    this.socket = socket;
    this.options = options;
    this.counts = counts;
    this.deframer = createDeframer(options.maxFrameBytes ?? 16 * 1024 * 1024);
    this.peer = {
      address: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
      certificate: certificateOf(socket),
      send: (payload) => this.send(payload),
    };
    this.lastByteAt = options.clock.now();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', (error) => options.log?.warn('mllp sender lost', { error }));
    socket.on('drain', () => this.readOn());
    socket.once('end', () => this.take(this.deframer.end()));
    this.done = new Promise((resolve) => {
      socket.once('close', () => {
        // A connection that is reset has no end before; of what was too long nothing is held.
        if (this.deframer.end().some((event) => event.kind === 'truncated' && event.bytes > 0))
          this.drop('truncated');
        this.cancelSettle?.();
        this.cancelWatch?.();
        closed();
        resolve();
      });
    });
    this.watch();
  }

  /** Takes no more; ends when what is in hand has been answered. */
  close(): Promise<void> {
    this.closing = true;
    this.socket.pause();
    this.waiting.length = 0;
    if (this.inHand.length === 0) this.socket.destroySoon();
    return this.done;
  }

  /** Goes on after the listener's `hold` has turned false. */
  resume(): void {
    if (!this.closing) this.next();
  }

  private received(chunk: Buffer): void {
    if (this.closing) return;
    this.lastByteAt = this.options.clock.now();
    this.cancelSettle?.();
    this.cancelSettle = undefined;
    this.take(this.deframer.feed(chunk));
    // Asks for more now: else the stream would in a tick of its own, which costs more than to take a message apart.
    this.socket.read(0);
    if (this.deframer.awaitingEnd) {
      const settleMs = this.options.settleMs ?? 100;
      this.cancelSettle = this.options.clock.after(settleMs, () => this.take(this.deframer.settle()));
    }
  }

  private take(events: readonly FrameEvent[]): void {
    if (events.length > 1) this.socket.cork();
    for (const event of events) {
      if (event.kind === 'frame') {
        this.counts.received++;
        this.waiting.push(event.payload);
        this.next();
      } else if (event.kind === 'noise') {
        this.counts.noiseBytes += event.bytes;
      } else {
        this.drop(event.kind);
        if (event.kind === 'overlong') this.socket.destroy();
      }
    }
    if (events.length > 1) this.socket.uncork();
    if (this.full()) this.socket.pause();
  }

  /** A message that never was whole, or is too long. */
  private drop(reason: 'truncated' | 'overlong'): void {
    this.counts.broken++;
    this.options.log?.warn('mllp message refused', { reason, address: this.peer.address });
  }

  /** Hands over what waits, in order; an answer that is there at once costs no turn of the event loop. */
  private next(): void {
    const most = this.options.maxInFlight ?? 1;
    while (this.waiting.length > 0 && this.inHand.length < most && this.takes()) {
      const payload = this.waiting.shift()!;
      try {
        const answer = this.options.handler(payload, this.peer);
        if (answer instanceof Promise) this.await(answer);
        else if (this.inHand.length === 0) this.answer(answer);
        else this.inHand.push({ state: 'answered', answer });
      } catch (error) {
        this.failed(error);
      }
    }
    this.readOn();
  }

  private await(promise: Promise<Answer>): void {
    const slot: Slot = { state: 'pending', answer: undefined };
    this.inHand.push(slot);
    void promise.then(
      (answer) => {
        slot.state = 'answered';
        slot.answer = answer;
        this.settled();
      },
      (error: unknown) => {
        slot.state = 'failed';
        this.stop(error);
        this.settled();
      },
    );
  }

  /** Messages wait, or the sender does not take its acknowledgements, or nobody may send: no more is read for now. */
  private full(): boolean {
    return (
      this.waiting.length >= (this.options.maxWaiting ?? 16) || this.socket.writableNeedDrain || this.held()
    );
  }

  private takes(): boolean {
    return !this.socket.destroyed && !this.failing && !this.held();
  }

  private held(): boolean {
    return this.options.hold?.() ?? false;
  }

  private readOn(): void {
    if (this.closing || !this.socket.isPaused() || this.full()) return;
    this.lastByteAt = this.options.clock.now();
    this.socket.resume();
  }

  /** Sends what can be sent of the answers, without overtaking; then goes on. */
  private settled(): void {
    try {
      for (let [slot] = this.inHand; slot && slot.state !== 'pending'; [slot] = this.inHand) {
        this.inHand.shift();
        if (slot.state === 'failed') {
          this.socket.destroy();
          return;
        }
        this.answer(slot.answer);
      }
    } catch (error) {
      this.stop(error);
      this.socket.destroy();
      return;
    }
    if (!this.closing) this.next();
    else if (this.inHand.length === 0) this.socket.destroySoon();
  }

  private answer(answer: Answer): void {
    if (answer === undefined || this.socket.destroyed) return;
    for (const bytes of answer instanceof Uint8Array ? [answer] : answer) {
      this.socket.write(encodeFrame(bytes));
      this.counts.answered++;
    }
  }

  /** Behind the answers of all that is in hand: an accept acknowledgement is never overtaken by what follows it. */
  private send(payload: Uint8Array): boolean {
    if (!this.socket.writable || this.failing) return false;
    if (this.inHand.length > 0) this.inHand.push({ state: 'answered', answer: payload });
    else this.socket.write(encodeFrame(payload));
    return true;
  }

  /** Nothing after this message is taken: its sender is to send it again, and what came behind it afterwards. */
  private stop(error: unknown): void {
    if (!this.failing) this.options.log?.error('mllp message not taken', { error });
    this.failing = true;
    this.waiting.length = 0;
  }

  /** As `stop`; the connection is closed when those before it have been answered. */
  private failed(error: unknown): void {
    this.stop(error);
    this.inHand.push({ state: 'failed', answer: undefined });
    if (this.inHand.length === 1) this.socket.destroy();
  }

  /** Closes a connection that has been silent for too long. One timer, moved only when it fires. */
  private watch(): void {
    const { idleMs = 0, stallMs = 0, clock, log } = this.options;
    const limits = [idleMs, stallMs].filter((limit) => limit > 0);
    if (limits.length === 0) return;
    const silence = clock.now() - this.lastByteAt;
    const idle = this.waiting.length === 0 && this.inHand.length === 0 && !this.socket.isPaused();
    const limit = this.deframer.inside && stallMs > 0 ? stallMs : idleMs;
    if (idle && limit > 0 && silence >= limit) {
      log?.warn('mllp connection silent for too long', { address: this.peer.address });
      this.socket.destroy();
      return;
    }
    const ends = limits.map((one) => one - silence).filter((left) => left > 0);
    this.cancelWatch = clock.after(Math.min(...(ends.length > 0 ? ends : limits)), () => this.watch());
  }
}

/** What of a sender's certificate may be asked for; undefined when it has shown none that is trusted. */
function certificateOf(socket: Socket): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  return { subject: { ...subject }, fingerprint256 };
}
