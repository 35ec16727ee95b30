import type { InboxIntake } from '../feed-ports.ts';
import type { Clock } from '../ports.ts';
import { createComeback } from '../resilience/comeback.ts';
import type { Pause } from '../resilience/comeback.ts';
import { openInboxIntake } from './inbox-intake.ts';
import type { IntakeOptions } from './inbox-intake.ts';

export interface StandingOptions extends IntakeOptions {
  readonly clock: Clock;
  /** Before it is opened again (defaults 100 ms to 30 s). */
  readonly pause?: Pause;
  /** Called each time the committer is gone, and when it could not be had again; meanwhile nothing can be made safe. */
  readonly onFailure: (error: unknown) => void;
  /** Called when arrivals are taken again. */
  readonly onReturn?: () => void;
}

/**
 * The front of the inbox, opened again when its committer's thread dies or hangs. Then it is as after a restart: what
 * was safe is filed from the journal, what was not is refused, and its sender, who got no acknowledgement, sends it
 * again.
 *
 * @throws Error when the file cannot be opened the first time
 */
export async function openStandingIntake(options: StandingOptions): Promise<InboxIntake> {
  const { clock, pause, onFailure } = options;
  const open = (): Promise<InboxIntake> => openInboxIntake({ ...options, onFailure: lose });
  let current = await open();
  const comeback = createComeback({
    clock,
    ...(pause ? { pause } : {}),
    begin: async () => void (current = await open()),
    onFailure,
    onReturn: () => {
      options.onReturn?.();
      options.onStored?.();
    },
  });

  function lose(error: unknown): void {
    // The journal is nobody's before it is read: what was on its way to the disk has ended.
    comeback.lost(current.close());
    onFailure(error);
  }

  return {
    receive: (arrival) => current.receive(arrival),
    lastSequence: (source, sender) => current.lastSequence(source, sender),
    get pending() {
      return current.pending;
    },
    get journal() {
      return current.journal;
    },
    async close() {
      await comeback.end();
      // While it was to be opened again it is closed already.
      if (!comeback.away) await current.close();
    },
  };
}
