import type { FeedCounts, MessageOutcome } from '../../feed-ports.ts';
import type { Rehearsal, ReplaySelection } from './replay.ts';

/** What the main thread and the processor's thread say to each other. */
export type ToProcessor =
  | { readonly kind: 'wake' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ask'; readonly nth: number; readonly question: Question };

export type Question =
  | { readonly kind: 'rehearse'; readonly selection: ReplaySelection; readonly values: boolean }
  | { readonly kind: 'replay'; readonly selection: ReplaySelection }
  | { readonly kind: 'audit' };

/** The answer of each kind of question. */
export interface Answers {
  readonly rehearse: readonly Rehearsal[];
  readonly replay: number;
  readonly audit: { readonly holds: boolean; readonly counts: FeedCounts };
}

export type FromProcessor =
  /** `processed`: numbers of the messages that ended well; the others one by one. */
  | {
      readonly kind: 'settled';
      readonly processed: Float64Array;
      readonly others: readonly MessageOutcome[];
    }
  /** JSON text: numbers keep their digits. */
  | { readonly kind: 'answer'; readonly nth: number; readonly text: string }
  | { readonly kind: 'failed'; readonly nth: number; readonly words: string }
  /** What keeps the processor from going on; empty when it goes on again. */
  | { readonly kind: 'trouble'; readonly words: string }
  | { readonly kind: 'stopped' };
