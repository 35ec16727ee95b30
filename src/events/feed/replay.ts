import type { InboxLedger, MessageFilter, MessageRecord, ParkReason } from '../../feed-ports.ts';
import type { ProjectionWriter } from '../../projection-ports.ts';
import type { Resource } from '../../fhir/types.ts';
import type { Clock } from '../../ports.ts';
import { changedPaths } from './changed-paths.ts';
import { wordsOf } from './failure.ts';
import type { ReadContent } from './processor.ts';

/** Which messages to replay: by their numbers, or all that a filter finds. */
export type ReplaySelection = { readonly seqs: readonly number[] } | { readonly filter: MessageFilter };

/** A resource that would change. */
export interface RehearsedChange {
  readonly type: string;
  readonly id: string;
  /** Places, without values. */
  readonly paths: readonly string[];
  /** Only when values were asked for; undefined where there is none. */
  readonly before?: Resource;
  readonly after?: Resource;
}

/** What replaying one message would do. */
export interface Rehearsal {
  readonly seq: number;
  readonly state: MessageRecord['state'] | 'unknown';
  /**
   * `nothing`: all that it says is known; `parked`: it would be parked again; `impossible`: it cannot be replayed,
   * `detail` says why.
   */
  readonly would: 'change' | 'nothing' | 'parked' | 'impossible';
  readonly reason?: ParkReason;
  readonly detail?: string;
  readonly changes: readonly RehearsedChange[];
}

export interface Replay {
  /**
   * What replaying would do, each message by itself and against what is known now; nothing is done.
   *
   * @param values also gives the resources before and after: for those who may see them
   * @param as reads the messages in another way
   */
  rehearse(selection: ReplaySelection, values: boolean, as?: ReadContent): readonly Rehearsal[];
  /**
   * Puts the messages back to be processed again, in the order of receipt. Gives how many; waiting, refused and
   * forgotten ones stay as they are.
   */
  replay(selection: ReplaySelection): number;
}

export interface ReplayPorts {
  readonly ledger: Pick<InboxLedger, 'find' | 'list' | 'requeue'>;
  readonly writer: Pick<ProjectionWriter, 'rehearse'>;
  readonly read: ReadContent;
  readonly clock: Pick<Clock, 'now'>;
  /** Wakes the processor. */
  readonly wake: () => void;
}

const REPLAYABLE: ReadonlySet<string> = new Set(['parked', 'superseded', 'processed']);

/** Replays messages: one or many, and first only for show. */
export function createReplay({ ledger, writer, read, clock, wake }: ReplayPorts): Replay {
  const seqsOf = (selection: ReplaySelection): readonly number[] =>
    'seqs' in selection
      ? [...new Set(selection.seqs)].toSorted((a, b) => a - b)
      : ledger.list(selection.filter).map(({ seq }) => seq);

  function rehearseOne(seq: number, values: boolean, reading: ReadContent): Rehearsal {
    const found = ledger.find(seq);
    const refuse = (detail: string): Rehearsal => ({
      seq,
      state: found?.record.state ?? 'unknown',
      would: 'impossible',
      detail,
      changes: [],
    });
    if (!found) return refuse('there is no such message');
    const { record, bytes } = found;
    const { state } = record;
    if (state === 'rejected') return refuse('its sender was told no, and has to send it again');
    if (!REPLAYABLE.has(state)) return refuse(`it is ${state}`);
    if (!bytes || record.size === 0) return refuse('its bytes are gone: retention');
    try {
      const said = reading(bytes, record);
      if ('parked' in said) {
        return { seq, state, would: 'parked', reason: said.parked, detail: said.detail, changes: [] };
      }
      const changes = writer.rehearse(said.content).flatMap(({ type, id, before, after }) => {
        const paths = changedPaths(before, after);
        if (paths.length === 0) return [];
        const shown = values ? { ...(before ? { before } : {}), ...(after ? { after } : {}) } : {};
        return [{ type, id, paths, ...shown }];
      });
      return { seq, state, would: changes.length > 0 ? 'change' : 'nothing', changes };
    } catch (error) {
      return { seq, state, would: 'parked', reason: 'failed', detail: wordsOf(error), changes: [] };
    }
  }

  return {
    rehearse: (selection, values, as = read) => seqsOf(selection).map((seq) => rehearseOne(seq, values, as)),
    replay(selection) {
      const count = ledger.requeue(seqsOf(selection), clock.now());
      if (count > 0) wake();
      return count;
    },
  };
}
