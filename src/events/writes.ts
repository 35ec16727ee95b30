import type { Endpoint } from '../fhir/types.ts';
import type { Pins, TwoSidedWriter } from '../migration-ports.ts';
import type { OutboxStore } from '../replica-ports.ts';
import type { Backend, Clock, IdempotencyStore, Logger } from '../ports.ts';
import { createKeyedLock } from '../resilience/keyed-lock.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createDelivery } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import { openOutbox } from './outbox.ts';
import type { Outbox } from './outbox-port.ts';
import { createRecovery } from './recovery.ts';
import type { Recovery } from './recovery.ts';
import type { SidesOf } from './sides.ts';
import type { BackOff } from './verdict.ts';
import { createTwoSidedWriter } from './writer.ts';

export interface WritesOptions extends BackOff {
  readonly store: OutboxStore;
  readonly idempotency: IdempotencyStore;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly sides: SidesOf;
  /** The legacy key behind a FHIR id; undefined: none is known. */
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
  /** Technical owner of an endpoint. */
  readonly ownerOf: (endpoint: Endpoint) => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Deliveries at once, for each side. */
  readonly concurrency: number;
  /** Failures before an owner must decide. */
  readonly attempts: number;
  /**
   * How long a write that has left may still take effect, in milliseconds (default 30 s): before that, not there does
   * not mean not done.
   */
  readonly settleMs?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** Everything that writes of endpoints with two sides need. */
export interface Writes {
  readonly writer: TwoSidedWriter;
  readonly pins: Pins;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly recovery: Recovery;
  /** Held by whoever writes a resource to a side. */
  readonly locks: KeyedLock;
  /** Begins to deliver and to ask. */
  start(): void;
  /** Takes nothing new; resolves when what is under way has ended, or 2 s have passed. */
  stop(): Promise<void>;
}

const SETTLE_MS = 30_000;
const DAY_MS = 86_400_000;

/** Opens the outbox as the last process left it. Nothing is delivered before `start`; writes may come at once. */
export async function openWrites(options: WritesOptions): Promise<Writes> {
  const { settleMs = SETTLE_MS } = options;
  const outbox = await openOutbox(options, settleMs);
  const shared = { ...options, settleMs, outbox, locks: createKeyedLock() };
  const delivery = createDelivery(shared);
  const recovery = createRecovery(shared);
  let cancel = (): void => {};
  function forgetDaily(): void {
    cancel();
    cancel = options.clock.after(DAY_MS, () => void outbox.forget().then(forgetDaily));
  }
  return {
    writer: createTwoSidedWriter(shared),
    pins: outbox.pins,
    outbox,
    delivery,
    recovery,
    locks: shared.locks,
    start() {
      recovery.start();
      delivery.start();
      forgetDaily();
    },
    async stop() {
      cancel();
      await Promise.all([recovery.stop(), delivery.stop()]);
    },
  };
}
