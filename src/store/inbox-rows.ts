import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { MessageFilter, MessageRecord, MessageState, ParkReason } from '../feed-ports.ts';

/** Columns of a record, and where they come from. */
export const RECORD_COLUMNS = `m.seq, s.source, s.name AS sender, m.control_id, m.type, m.received_at, m.state, m.state_at, m.reason, m.detail,
  m.owner, m.repeats, m.replays, m.size`;
export const RECORD_SOURCE = 'message m JOIN sender s ON s.id = m.sender';

/** Lets a statement give its rows as lists of values: an object with fourteen names costs more than the row. */
export function listing(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}

/** @param row of a statement that is `listing`, by RECORD_COLUMNS */
export function recordOf(row: unknown): MessageRecord {
  const values = row as readonly SQLOutputValue[];
  const [seq, source, sender, controlId, type, receivedAt, state, stateAt] = values;
  const [reason, detail, owner, repeats, replays, size] = values.slice(8);
  return {
    seq: Number(seq),
    source: String(source),
    sender: String(sender),
    controlId: String(controlId),
    type: String(type),
    receivedAt: Number(receivedAt),
    state: String(state) as MessageState,
    stateAt: Number(stateAt),
    ...(reason === null ? {} : { reason: String(reason) as ParkReason }),
    ...(detail === null ? {} : { detail: String(detail) }),
    ...(owner === null ? {} : { owner: String(owner) }),
    repeats: Number(repeats),
    replays: Number(replays),
    size: Number(size),
  };
}

/** The bytes behind the columns of a record; undefined: they were let go of. */
export function bytesOf(row: unknown): Uint8Array | undefined {
  return ((row as readonly SQLOutputValue[]).at(-1) as Uint8Array | null) ?? undefined;
}

/** The condition of one state, in the words of the index that serves it. */
const OF_STATE: Readonly<Record<MessageState, string>> = {
  waiting: "(m.state <> 'processed' AND m.state = 'waiting')",
  superseded: "(m.state <> 'processed' AND m.state = 'superseded')",
  parked: "(m.state <> 'processed' AND m.state = 'parked')",
  rejected: "(m.state <> 'processed' AND m.state = 'rejected')",
  processed: "m.state = 'processed'",
  duplicate: 'm.repeats > 0',
};

/** A filter as SQL and its parameters. */
export function selection(filter: MessageFilter): {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
} {
  const { states, source, type, controlId, reason, after, newestFirst = false, limit } = filter;
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const equals = (column: string, value: string | undefined): void => {
    if (value === undefined) return;
    conditions.push(`${column} = ?`);
    values.push(value);
  };
  if (states) conditions.push(`(${states.map((state) => OF_STATE[state]).join(' OR ') || 'FALSE'})`);
  equals('s.source', source);
  equals('m.type', type);
  equals('m.reason', reason);
  if (controlId === '') conditions.push('m.first IS NULL');
  else if (controlId !== undefined) {
    // Both indexes begin with the sender, of whom there are few.
    const named = 'm.sender IN (SELECT id FROM sender) AND m.control_id = ?';
    conditions.push(`((m.first = 1 AND ${named}) OR (m.first = 0 AND ${named}))`);
    values.push(controlId, controlId);
  }
  if (after !== undefined) {
    conditions.push(newestFirst ? 'm.seq < ?' : 'm.seq > ?');
    values.push(after);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const order = newestFirst ? 'DESC' : 'ASC';
  values.push(limit);
  return {
    sql: `SELECT ${RECORD_COLUMNS} FROM ${RECORD_SOURCE} ${where} ORDER BY m.seq ${order} LIMIT ?`,
    values,
  };
}
