import { hash } from 'node:crypto';
import type {
  Arrival,
  FeedCounts,
  InboxIntake,
  InboxLedger,
  MessageFilter,
  MessageRecord,
  Receipt,
} from '../feed-ports.ts';
import { ownerOf } from './inbox-owner.ts';
import { noCounts } from './inbox-tally.ts';

interface Kept {
  record: MessageRecord;
  bytes: Uint8Array | undefined;
  readonly hash: string;
  readonly refused: boolean;
  readonly conflict: number | undefined;
}

/**
 * An inbox that is forgotten when the process ends: for tests and throw-away instances. By the same rules as the one on
 * disk (`createCommitter`).
 */
export function createMemoryInbox(options: {
  readonly owners: Readonly<Record<string, string>>;
  readonly onStored?: () => void;
}): { readonly intake: InboxIntake; readonly ledger: InboxLedger } {
  const all: Kept[] = [];
  const byName = new Map<string, Kept[]>();
  const sequences = new Map<string, number>();
  let received = 0;
  const nameOf = ({ source, sender, controlId }: Arrival): string => `${source}\n${sender}\n${controlId}`;

  function keep(arrival: Arrival, digest: string, verdict: Arrival['verdict'], conflict?: number): number {
    const { source, sender, controlId, type, at, bytes, sequence } = arrival;
    const seq = all.length + 1;
    const record: MessageRecord = {
      seq,
      source,
      sender,
      controlId,
      type,
      receivedAt: at,
      state: verdict?.state ?? 'waiting',
      stateAt: at,
      ...(verdict
        ? {
            reason: verdict.reason,
            detail: verdict.detail,
            owner: ownerOf(verdict.reason, sender, options.owners[source] ?? source),
          }
        : {}),
      repeats: 0,
      replays: 0,
      size: bytes.byteLength,
    };
    const kept = {
      record,
      bytes: Uint8Array.from(bytes),
      hash: digest,
      refused: verdict?.state === 'rejected',
      conflict,
    };
    all.push(kept);
    if (controlId !== '') byName.set(nameOf(arrival), [...(byName.get(nameOf(arrival)) ?? []), kept]);
    if (!verdict && sequence !== undefined) sequences.set(`${source}\n${sender}`, sequence);
    return seq;
  }

  function receive(arrival: Arrival): Receipt {
    received += 1;
    const digest = hash('sha256', arrival.bytes, 'hex');
    const refused = arrival.verdict?.state === 'rejected';
    const others =
      arrival.controlId === ''
        ? []
        : (byName.get(nameOf(arrival)) ?? []).filter((kept) => kept.refused === refused);
    const same = others.find((kept) => kept.hash === digest);
    if (same) {
      same.record = { ...same.record, repeats: same.record.repeats + 1 };
      const { seq, reason } = same.record;
      return same.conflict !== undefined && reason === 'control-id-reused'
        ? { kind: 'conflict', seq, of: same.conflict }
        : { kind: 'duplicate', of: seq };
    }
    const first = refused ? undefined : others[0];
    if (!first) return { kind: 'stored', seq: keep(arrival, digest, arrival.verdict) };
    const of = first.record.seq;
    const verdict = {
      state: 'parked',
      reason: 'control-id-reused',
      detail: `MSH-10 is that of message ${of}`,
    } as const;
    return { kind: 'conflict', seq: keep(arrival, digest, verdict, of), of };
  }

  const change = (seq: number, changed: (record: MessageRecord) => MessageRecord | undefined): boolean => {
    const kept = all[seq - 1];
    const record = kept && changed(kept.record);
    if (!kept || !record) return false;
    kept.record = record;
    return true;
  };

  const counts = (source?: string): FeedCounts => {
    const sum = noCounts();
    for (const { record } of all) {
      if (source !== undefined && record.source !== source) continue;
      sum[record.state as Exclude<typeof record.state, 'duplicate'>] += 1;
      sum.duplicate += record.repeats;
      sum.received += 1 + record.repeats;
    }
    return sum;
  };

  const intake: InboxIntake = {
    pending: { messages: 0, bytes: 0 },
    async receive(arrival) {
      const receipt = receive(arrival);
      if (receipt.kind === 'stored' && !arrival.verdict) options.onStored?.();
      return receipt;
    },
    lastSequence: async (source, sender) => sequences.get(`${source}\n${sender}`),
    close: async () => {},
  };

  const ledger: InboxLedger = {
    waiting: (limit) =>
      all
        .filter(({ record }) => record.state === 'waiting')
        .slice(0, limit)
        .map(({ record, bytes }) => ({ record, bytes: bytes! })),
    settle(outcomes, now) {
      for (const { seq, ...outcome } of outcomes) {
        change(seq, (record) =>
          record.state === 'waiting' ? { ...record, ...outcome, stateAt: now } : undefined,
        );
      }
    },
    requeue: (seqs, now) =>
      [...new Set(seqs)].filter((seq) =>
        change(seq, ({ reason: _reason, detail: _detail, owner: _owner, ...record }) =>
          ['parked', 'superseded', 'processed'].includes(record.state) && record.size > 0
            ? { ...record, state: 'waiting', stateAt: now, replays: record.replays + 1 }
            : undefined,
        ),
      ).length,
    list(filter) {
      const found = all.map(({ record }) => record).filter((record) => matches(record, filter));
      return (filter.newestFirst ? found.toReversed() : found).slice(0, filter.limit);
    },
    find(seq) {
      const kept = all[seq - 1];
      return kept && { record: kept.record, bytes: kept.bytes };
    },
    counts,
    figures() {
      const records = all.map(({ record }) => record);
      const parked = records.filter(({ state }) => state === 'parked');
      const kinds = Map.groupBy(parked, ({ source, reason }) => `${source}\n${reason}`);
      const since = (state: 'waiting' | 'parked') => {
        const oldest = records.find((record) => record.state === state);
        return oldest ? { [state]: oldest.receivedAt } : {};
      };
      return {
        interfaces: [...new Set(records.map(({ source }) => source))]
          .toSorted()
          .map((source) => ({ source, counts: counts(source) })),
        parked: [...kinds.keys()].toSorted().map((kind) => {
          const of = kinds.get(kind)!;
          return { source: of[0]!.source, reason: of[0]!.reason!, count: of.length };
        }),
        oldest: { ...since('waiting'), ...since('parked') },
      };
    },
    audit: () => ({ holds: counts().received === received, counts: counts() }),
    forget(before, limit = all.length) {
      const ended = all
        .filter(
          ({ record, bytes }) =>
            bytes && record.state !== 'waiting' && record.state !== 'parked' && record.stateAt < before,
        )
        .slice(0, limit);
      for (const kept of ended) {
        kept.bytes = undefined;
        kept.record = { ...kept.record, size: 0 };
      }
      return ended.length;
    },
    close: () => {},
  };
  return { intake, ledger };
}

function matches(record: MessageRecord, filter: MessageFilter): boolean {
  const { states, source, type, controlId, reason, after, newestFirst } = filter;
  return (
    (!states ||
      states.some((state) => (state === 'duplicate' ? record.repeats > 0 : record.state === state))) &&
    (source === undefined || record.source === source) &&
    (type === undefined || record.type === type) &&
    (controlId === undefined || record.controlId === controlId) &&
    (reason === undefined || record.reason === reason) &&
    (after === undefined || (newestFirst ? record.seq < after : record.seq > after))
  );
}
