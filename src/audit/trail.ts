import type { AuditHead, AuditStore } from '../audit-ports.ts';
import { FicusError } from '../errors.ts';
import type { Clock, Logger } from '../ports.ts';
import type { AuditSink } from '../security-ports.ts';
import { link } from './chain.ts';
import { factsOf } from './facts.ts';
import type { NewFact } from './facts.ts';

export interface TrailOptions {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** What becomes of a request whose event cannot be kept: it is refused, or served all the same, counted and told. */
  readonly whenUnavailable: 'refuse' | 'serve';
  /** Milliseconds that an entry waits for others to share its transaction with (default 2). */
  readonly gatherMs?: number;
  /** How long records are kept, in milliseconds. */
  readonly keepMs: number;
  /** Most records that are let go of at once (default 5,000): nothing else is done meanwhile. */
  readonly forgetMost?: number;
  /** Called after records were added. */
  readonly onWritten?: () => void;
}

/** The audit trail of a running Ficus. */
export interface AuditTrail extends AuditSink {
  figures(): TrailFigures;
  /** Lets go of what is older than it must be kept, some of it at a time; what was let go of is itself in the trail. @returns whether there is more */
  forget(): boolean;
  /** Writes what waits. */
  close(): void;
}

export interface TrailFigures {
  /** Events that were kept, and that could not be, since this process began. */
  readonly written: number;
  readonly failed: number;
  /** Whether the last transaction failed. */
  readonly failing: boolean;
  readonly head: AuditHead;
}

interface Waiting {
  readonly facts: readonly NewFact[];
  readonly resolve: () => void;
  readonly reject: (error: FicusError) => void;
}

/** What Ficus says of its own trail. */
const OWN_REQUEST = 'ficus';

/**
 * Keeps entries, those of a few milliseconds in one transaction. `write` resolves when they are kept. Where they cannot be, it rejects or resolves as the
 * deployment wants it; how many are missing stands in the trail as soon as it can be written again.
 */
export function createAuditTrail(options: TrailOptions): AuditTrail {
  const { store, clock, log, whenUnavailable, gatherMs = 2, keepMs } = options;
  const { forgetMost = 5_000, onWritten = () => {} } = options;
  let waiting: Waiting[] = [];
  let cancel: (() => void) | undefined;
  let written = 0;
  let failed = 0;
  let failing = false;
  /** Events that could not be kept, and that the trail does not tell of yet. */
  let missing = 0;

  function flush(): void {
    cancel?.();
    cancel = undefined;
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    const facts = batch.flatMap((one) => one.facts);
    try {
      add(missing > 0 ? [lostFact(missing), ...facts] : facts);
      if (failing) log.warn('the audit trail can be written again', { count: missing });
      failing = false;
      missing = 0;
    } catch (error) {
      lose(batch, facts.length, error);
      return;
    }
    for (const one of batch) one.resolve();
    onWritten();
  }

  function add(facts: readonly NewFact[]): void {
    store.append((head) => link(head, facts, clock.now()));
    written += facts.length;
  }

  function lose(batch: readonly Waiting[], count: number, error: unknown): void {
    failing = true;
    failed += count;
    missing += count;
    log.error(
      whenUnavailable === 'refuse'
        ? 'the audit trail cannot be written: requests are refused'
        : 'the audit trail cannot be written: requests are served without it',
      { count, error },
    );
    const refusal = new FicusError('unavailable', 'What happens here cannot be recorded now.', {
      cause: error,
      retryAfter: 5,
    });
    for (const one of batch) {
      if (whenUnavailable === 'refuse') one.reject(refusal);
      else one.resolve();
    }
  }

  return {
    write(entries) {
      const facts = entries.flatMap(factsOf);
      if (facts.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ facts, resolve, reject });
        cancel ??= clock.after(gatherMs, flush);
      });
    },
    figures: () => ({ written, failed, failing, head: store.head() }),
    forget() {
      const now = clock.now();
      const [first] = store.after(0, 1);
      const old = store.lastBefore(now - keepMs);
      if (!first || !old) return false;
      const last = store.find(Math.min(old.sequence, first.sequence + forgetMost - 1)) ?? old;
      const { sequence, hash } = last;
      // Said first: what the anchor stands for is then part of the chain that goes on from it.
      add([forgottenFact(sequence, hash)]);
      const anchor = store.purge(sequence, now);
      if (anchor) log.info('audit records were let go of', { count: anchor.count });
      onWritten();
      return sequence < old.sequence;
    },
    close: flush,
  };
}

function ownFact(action: string, details: NewFact['details'] & {}): NewFact {
  const agent = { subject: 'ficus' };
  return { kind: 'admin', outcome: 'success', action, requestId: OWN_REQUEST, agent, details };
}

function lostFact(count: number): NewFact {
  return { ...ownFact('audit.lost', { events: String(count) }), outcome: 'failed' };
}

function forgottenFact(sequence: number, hash: string): NewFact {
  return ownFact('audit.forget', { upTo: String(sequence), hash });
}
