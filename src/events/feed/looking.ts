import type { InboxLedger, MessageFilter } from '../../feed-ports.ts';
import { createCoverageTally, type FieldCoverage } from '../../mapping/coverage.ts';
import type { ExplainedField } from '../../mapping/explain-message.ts';
import type { FeedReading } from './message-reader.ts';

/** What became of the fields of many messages. */
export interface MessagesCoverage {
  /** Messages that could be read. */
  readonly messages: number;
  readonly fields: readonly FieldCoverage[];
}

/** Counts what becomes of every field of the messages that a filter finds. No values. */
export function coverageOf(
  ledger: Pick<InboxLedger, 'list' | 'find'>,
  filter: MessageFilter,
  reading: FeedReading,
): MessagesCoverage {
  const tally = createCoverageTally();
  let messages = 0;
  for (const { seq } of ledger.list(filter)) {
    const found = ledger.find(seq);
    const { bytes } = found ?? {};
    const fields = bytes && found && tryRead(() => reading.fields(bytes, found.record));
    if (!fields) continue;
    messages += 1;
    tally.add(fields);
  }
  return { messages, fields: tally.fields() };
}

/** The fields of one message with what they say; undefined where it cannot be taken apart. Holds patient data. */
export function explanationOf(
  ledger: Pick<InboxLedger, 'find'>,
  seq: number,
  reading: FeedReading,
): readonly ExplainedField[] | undefined {
  const found = ledger.find(seq);
  const { bytes } = found ?? {};
  return bytes && found && tryRead(() => reading.explain(bytes, found.record));
}

/**
 * Undefined where a message cannot be read, now or when a field of it is asked for: it is parked, and says so there.
 */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
