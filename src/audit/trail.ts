import type { AuditHead } from '../audit-ports.ts';
import { FicusError } from '../errors.ts';
import type { Clock, Logger } from '../ports.ts';
import type { AuditSink, Coming } from '../security-ports.ts';
import { factsOf } from './facts.ts';
import type { NewFact } from './facts.ts';
import { ownFact } from './keeper.ts';
import type { AuditKeeper } from './keeper.ts';

export interface TrailOptions {
  readonly keeper: AuditKeeper;
  /** The end of what is kept. */
  readonly head: () => AuditHead;
  readonly clock: Clock;
  readonly log: Logger;
  /** What becomes of a request whose event cannot be kept: it is refused, or served all the same, counted and told. */
  readonly whenUnavailable: 'refuse' | 'serve';
  /** Least milliseconds between the beginnings of two transactions (default 2): what comes meanwhile shares the next. Where much comes it is more, 8 at most, but no longer than until all that is coming has come. */
  readonly gatherMs?: number;
  /** How long records are kept, in milliseconds. */
  readonly keepMs: number;
  /** Called after records were added. */
  readonly onWritten?: () => void;
}

/** The audit trail of a running Ficus. */
export interface AuditTrail extends AuditSink {
  readonly coming: Coming;
  figures(): TrailFigures;
  /** Lets go of what is older than it must be kept, some of it at a time. @returns whether there is more. @throws Error when it cannot be done */
  forget(): Promise<boolean>;
  /** Writes what waits, and lets go of the keeper. */
  close(): Promise<void>;
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

/** How long the transaction after one of so many writes has to wait: whoever comes in a crowd waits for the processor more than for this, and it is left more of that. */
function pauseAfter(writes: number, gatherMs: number): number {
  return Math.max(gatherMs, Math.min(8, 4 * gatherMs, writes / 2));
}

/**
 * Keeps entries, in one transaction at most every few milliseconds. `write` resolves when they are kept. Where they cannot be, it rejects or resolves as the
 * deployment wants it; how many are missing stands in the trail as soon as it can be written again.
 */
export function createAuditTrail(options: TrailOptions): AuditTrail {
  const { keeper, head, clock, log, whenUnavailable, gatherMs = 2, keepMs, onWritten = () => {} } = options;
  let waiting: Waiting[] = [];
  let cancel: (() => void) | undefined;
  /** The transaction that is under way. */
  let keeping: Promise<void> | undefined;
  /** As long as the next transaction begins after the last one at least, in milliseconds. */
  let betweenMs = gatherMs;
  /** Whether the pause that lasts is the least one. */
  let shortened = false;
  /** When the last transaction began, epoch milliseconds. */
  let begunAt = Number.NEGATIVE_INFINITY;
  /** What has begun, and will be written. */
  let expected = 0;
  let written = 0;
  let failed = 0;
  let failing = false;
  /** Events that could not be kept, and that the trail does not tell of yet. */
  let missing = 0;

  /**
   * Whoever comes alone waits for nobody; who comes soon after a transaction began, or during one, shares the next.
   *
   * @param allCame nobody else is coming: there is no longer pause than the least, for all clients wait, and nothing would be done meanwhile
   */
  function flushWhenDue(allCame: boolean): void {
    if (keeping || waiting.length === 0) return;
    if (cancel && (shortened || !allCame)) return;
    cancel?.();
    cancel = undefined;
    shortened = allCame;
    const pause = shortened ? gatherMs : betweenMs;
    const wait = Math.min(pause, begunAt + pause - clock.now());
    if (wait > 0) cancel = clock.after(wait, flush);
    else flush();
  }

  function flush(): void {
    cancel?.();
    cancel = undefined;
    if (keeping || waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    begunAt = clock.now();
    betweenMs = pauseAfter(batch.length, gatherMs);
    keeping = keep(batch).finally(() => {
      keeping = undefined;
      // Those that are answered now may come again.
      flushWhenDue(false);
    });
  }

  async function keep(batch: readonly Waiting[]): Promise<void> {
    const all: NewFact[] = missing > 0 ? [lostFact(missing)] : [];
    for (const { facts } of batch) for (const fact of facts) all.push(fact);
    const count = all.length - (missing > 0 ? 1 : 0);
    try {
      await keeper.add(all, clock.now());
    } catch (error) {
      lose(batch, count, error);
      return;
    }
    written += all.length;
    if (failing) log.warn('the audit trail can be written again', { count: missing });
    failing = false;
    missing = 0;
    for (const one of batch) one.resolve();
    onWritten();
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
      const [only] = entries;
      const facts = only && entries.length === 1 ? factsOf(only) : entries.flatMap(factsOf);
      if (facts.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ facts, resolve, reject });
        flushWhenDue(expected === 0);
      });
    },
    coming: {
      begin: () => void (expected += 1),
      end: () => void (expected -= 1),
    },
    figures: () => ({ written, failed, failing, head: head() }),
    async forget() {
      const now = clock.now();
      const { count, more } = await keeper.forget(now - keepMs, now);
      if (count === 0) return more;
      written += 1;
      log.info('audit records were let go of', { count });
      onWritten();
      return more;
    },
    async close() {
      await keeping;
      flush();
      await keeping;
      await keeper.close();
    },
  };
}

function lostFact(count: number): NewFact {
  return { ...ownFact('audit.lost', { events: String(count) }), outcome: 'failed' };
}
