import type { InboxIntake } from '../feed-ports.ts';
import type { Clock } from '../ports.ts';
import { openInboxIntake } from './inbox-intake.ts';
import type { IntakeOptions } from './inbox-intake.ts';

export interface StandingOptions extends IntakeOptions {
  readonly clock: Clock;
  /** Milliseconds before it is opened again, which double while it does not last (defaults 100 ms to 30 s). */
  readonly pause?: { readonly first: number; readonly most: number };
  /** Called each time the committer is gone, and when it could not be had again; meanwhile nothing can be made safe. */
  readonly onFailure: (error: unknown) => void;
  /** Called when arrivals are taken again. */
  readonly onReturn?: () => void;
}

/**
 * The front of the inbox, opened again when its committer's thread dies. Then it is as after a restart: what was safe
 * is filed from the journal, what was not is refused, and its sender, who got no acknowledgement, sends it again.
 *
 * @throws Error when the file cannot be opened the first time
 */
export async function openStandingIntake(options: StandingOptions): Promise<InboxIntake> {
  const { clock, pause = { first: 100, most: 30_000 } } = options;
  let closing = false;
  let tries = 0;
  let openedAt = clock.now();
  let hurry = (): void => {};
  let returning: Promise<void> | undefined;
  const open = (): Promise<InboxIntake> => openInboxIntake({ ...options, onFailure: lose });
  let current = await open();

  function lose(error: unknown): void {
    if (clock.now() - openedAt > pause.most) tries = 0;
    returning = comeBack();
    options.onFailure(error);
  }

  async function comeBack(): Promise<void> {
    // The journal is nobody's before it is read: what was on its way to the disk has ended.
    await current.close();
    for (;;) {
      await wait(Math.min(pause.most, pause.first * 2 ** Math.min(tries++, 30)));
      if (closing) return;
      try {
        current = await open();
      } catch (error) {
        options.onFailure(error);
        continue;
      }
      returning = undefined;
      openedAt = clock.now();
      options.onReturn?.();
      options.onStored?.();
      return;
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (closing) return resolve();
      const cancel = clock.after(ms, resolve);
      hurry = () => {
        cancel();
        resolve();
      };
    });
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
      closing = true;
      hurry();
      await returning;
      // While it was to be opened again it is closed already.
      if (returning === undefined) await current.close();
    },
  };
}
