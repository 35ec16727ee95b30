import type { FeedCounts, MessageFilter, MessageOutcome } from '../../feed-ports.ts';
import type { ExplainedField } from '../../mapping/explain-message.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import type { MessagesCoverage } from './looking.ts';
import type { Rehearsal, ReplaySelection } from './replay.ts';

/** What the main thread and the processor's thread say to each other. */
export type ToProcessor =
  | { readonly kind: 'wake' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ask'; readonly nth: number; readonly question: Question };

export type Question =
  | {
      readonly kind: 'rehearse';
      readonly selection: ReplaySelection;
      readonly values: boolean;
      /** As if these were the releases of mappings. */
      readonly releases?: readonly MappingRelease[];
    }
  | { readonly kind: 'replay'; readonly selection: ReplaySelection }
  | {
      readonly kind: 'coverage';
      readonly filter: MessageFilter;
      readonly releases?: readonly MappingRelease[];
    }
  | { readonly kind: 'explain'; readonly seq: number }
  | { readonly kind: 'use'; readonly releases: readonly MappingRelease[] }
  | { readonly kind: 'check'; readonly releases: readonly MappingRelease[]; readonly laws: boolean }
  | { readonly kind: 'audit' };

/** The answer of each kind of question. */
export interface Answers {
  readonly rehearse: readonly Rehearsal[];
  readonly replay: number;
  readonly coverage: MessagesCoverage;
  /** Empty where the message cannot be taken apart. */
  readonly explain: readonly ExplainedField[];
  readonly use: true;
  /** What is wrong. */
  readonly check: readonly string[];
  readonly audit: { readonly holds: boolean; readonly counts: FeedCounts };
}

export type FromProcessor =
  /** Its files are open. */
  | { readonly kind: 'open' }
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
