import type { InboxIntake } from '../../../src/feed-ports.ts';
import { expectedAfter, stepSequence } from './sequence.ts';
import type { LastSequence, SequenceStep } from './sequence.ts';

/** One sender's numbers, held by whoever has the turn. */
export interface SequenceLane {
  /** The number that comes next; -1 where any may. */
  expected(): Promise<number>;
  /** What the protocol says of a number; 0 and -1 take effect at once. */
  step(written: string): Promise<SequenceStep>;
  /** The number is on disk. */
  stored(number: number): void;
}

/** The numbers of the senders of one interface: one message of a sender at a time, whichever connection it comes on. */
export interface SequenceLanes {
  inTurn<Result>(sender: string, work: (lane: SequenceLane) => Promise<Result>): Promise<Result>;
}

/** @param source name of the interface */
export function createSequenceLanes(source: string, inbox: Pick<InboxIntake, 'lastSequence'>): SequenceLanes {
  const lasts = new Map<string, LastSequence>();
  const tails = new Map<string, Promise<unknown>>();
  const lastOf = async (sender: string): Promise<LastSequence> =>
    lasts.get(sender) ?? (await inbox.lastSequence(source, sender)) ?? 'none';
  const laneOf = (sender: string): SequenceLane => ({
    expected: async () => expectedAfter(await lastOf(sender)),
    async step(written) {
      const last = await lastOf(sender);
      const step = stepSequence(written, last);
      lasts.set(sender, step.kind === 'link' ? step.last : last);
      return step;
    },
    stored: (number) => void lasts.set(sender, number),
  });
  return {
    inTurn(sender, work) {
      const before = tails.get(sender) ?? Promise.resolve();
      const result = before.then(() => work(laneOf(sender)));
      const tail = result
        .catch(() => undefined)
        .then(() => {
          if (tails.get(sender) === tail) tails.delete(sender);
        });
      tails.set(sender, tail);
      return result;
    },
  };
}
