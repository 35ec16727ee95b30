import type { OutboxHead } from '../replica-ports.ts';
import type { Outbox } from './outbox-port.ts';

/**
 * Resolves when the outbox has no entry in a state, or the signal says that it is long enough: then with false if there
 * is one still.
 */
export function untilNone(
  outbox: Pick<Outbox, 'list' | 'onChange'>,
  wanted: OutboxHead['state'],
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      const left = outbox.list().some(({ state }) => state === wanted);
      if (left && !signal.aborted) return;
      stop();
      signal.removeEventListener('abort', look);
      resolve(!left);
    };
    const stop = outbox.onChange(look);
    signal.addEventListener('abort', look, { once: true });
    look();
  });
}
