import type { InboxLedger } from '../../feed-ports.ts';
import type { Clock, Logger } from '../../ports.ts';

const DAY = 86_400_000;

export interface RetentionOptions {
  readonly ledger: Pick<InboxLedger, 'forget'>;
  /** Days that bytes are kept after their message ended. */
  readonly days: number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Milliseconds between two looks; default an hour. */
  readonly every?: number;
  /**
   * Most messages whose bytes go at once; default 1,000. More is done a moment later, so that others get their turn.
   */
  readonly atOnce?: number;
}

/**
 * Lets go of the bytes of messages that ended long ago, now and then; that they came and how they ended stays, and
 * parked ones stay whole. What went is told in the log, in numbers.
 *
 * @returns the stop
 */
export function startRetention(options: RetentionOptions): () => void {
  const { ledger, days, clock, log, every = 3_600_000, atOnce = 1_000 } = options;
  let total = 0;
  let cancel = clock.after(0, look);

  function look(): void {
    let gone = 0;
    try {
      gone = ledger.forget(clock.now() - days * DAY, atOnce);
      total += gone;
    } catch (error) {
      log.error('the bytes of old messages could not be let go of', { error });
    }
    if (gone < atOnce && total > 0) {
      log.info('let go of the bytes of messages that ended long ago', { count: total });
      total = 0;
    }
    cancel = clock.after(gone < atOnce ? every : 10, look);
  }

  return () => cancel();
}
