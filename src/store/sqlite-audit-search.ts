import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { AuditFilter, AuditRecord, AuditStore } from '../audit-ports.ts';
import { NAMED } from './sqlite-audit-names.ts';
import { COLUMNS, recordOf } from './sqlite-audit-rows.ts';

/**
 * Runs that are looked into at once, after the first: what is found often is found soon, what is rare in few
 * statements.
 */
const MOST_RUNS = 64;

/**
 * Finds records. Whoever is looked for by a name is looked for in the runs of the index, and, behind the last of them,
 * in each record. What the index gives is only where to look: the record decides.
 */
export function createAuditSearch(database: DatabaseSync): Pick<AuditStore, 'list' | 'lastBefore'> {
  // Each by itself is one step; both at once would read the whole table.
  const bounds = database.prepare(
    `SELECT coalesce((SELECT min(sequence) FROM audit_record), 1) AS first,
            coalesce((SELECT max(sequence) FROM audit_record), 0) AS last`,
  );
  const timeOf = database.prepare(
    'SELECT at FROM audit_record WHERE sequence >= ? ORDER BY sequence LIMIT 1',
  );
  const previous = database.prepare(
    `SELECT ${COLUMNS} FROM audit_record WHERE sequence < ? ORDER BY sequence DESC LIMIT 1`,
  );
  const indexedTo = database.prepare('SELECT coalesce(max(last), 0) AS last FROM audit_run');
  const runsDown = database.prepare(
    'SELECT last FROM audit_run WHERE last >= ? AND last < ? ORDER BY last DESC LIMIT ?',
  );
  const runAt = database.prepare('SELECT min(last) AS last FROM audit_run WHERE last >= ?');
  const inRuns = database.prepare(
    `SELECT sequence FROM audit_run CROSS JOIN audit_name ON run = last AND name IN (SELECT value FROM json_each(?))
     WHERE last BETWEEN ? AND ?`,
  );

  /** The first number whose time comes late enough; time never goes back in a trail. */
  function firstAt(isLate: (at: number) => boolean): number {
    const { first, last } = bounds.get()!;
    let [low, high] = [Number(first), Number(last) + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isLate(Number(timeOf.get(middle)!['at']))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function rangeOf({ from, to }: AuditFilter, before: number | undefined): Range {
    const low = from === undefined ? 1 : firstAt((at) => at >= from);
    const high = to === undefined ? Number(bounds.get()!['last']) : firstAt((at) => at > to) - 1;
    return { low, high: before === undefined ? high : Math.min(high, before - 1) };
  }

  function* inIndex(names: readonly string[], { low, high }: Range): Generator<readonly number[]> {
    let count = 1;
    let below = Number(runAt.get(high)!['last'] ?? high) + 1;
    for (;;) {
      const runs = runsDown.all(low, below, count).map(({ last }) => Number(last));
      if (runs.length === 0) return;
      below = runs.at(-1)!;
      const rows = inRuns.all(JSON.stringify(names), below, runs[0]!);
      yield rows.map(({ sequence }) => Number(sequence));
      count = Math.min(count * 2, MOST_RUNS);
    }
  }

  function list(filter: AuditFilter, limit: number, before?: number): readonly AuditRecord[] {
    const { text, values } = conditionsOf(filter);
    const select = (where: string): string =>
      `SELECT ${COLUMNS} FROM audit_record WHERE ${where} AND sequence BETWEEN ? AND ?${text} ORDER BY sequence DESC LIMIT ?`;
    const range = rangeOf(filter, before);
    const names = namesOf(filter);
    const indexed = names ? Number(indexedTo.get()!['last']) : 0;
    const behind = database.prepare(select('TRUE'));
    const low = Math.max(range.low, indexed + 1);
    const rows = behind.all(low, range.high, ...values, limit);
    if (names && indexed > 0) {
      const among = database.prepare(select('sequence IN (SELECT value FROM json_each(?))'));
      const high = Math.min(range.high, indexed);
      for (const found of inIndex(names, { low: range.low, high })) {
        if (rows.length >= limit) break;
        rows.push(...among.all(JSON.stringify(found), range.low, high, ...values, limit - rows.length));
      }
    }
    return rows.map((row) => recordOf(row)!);
  }

  return { list, lastBefore: (at) => recordOf(previous.get(firstAt((one) => one >= at))) };
}

/** Numbers, both inclusive. */
interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * What is looked for in the index: one of these names, of which few records have any. Undefined: each record has to be
 * looked at.
 */
function namesOf(filter: AuditFilter): readonly string[] | undefined {
  const { requestId, identifier, name, patient, tokenId, fhirUser } = filter;
  if (requestId !== undefined) return [requestId];
  if (identifier !== undefined) return [identifier];
  if (name !== undefined) return name.startsWith('Patient/') ? [name, name.slice('Patient/'.length)] : [name];
  if (patient !== undefined) return [patient, `Patient/${patient}`];
  if (tokenId !== undefined) return [tokenId];
  return fhirUser === undefined ? undefined : [fhirUser];
}

/** What a filter asks of each record, but for its time, as SQL. */
function conditionsOf(filter: AuditFilter): { readonly text: string; readonly values: SQLInputValue[] } {
  const { patient, name, identifier, fhirUser, tokenId, requestId, kinds, action, outcome } = filter;
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...of: SQLInputValue[]): void => {
    conditions.push(` AND ${condition}`);
    values.push(...of);
  };
  if (patient !== undefined) add('(patient = ? OR fhir_user = ?)', patient, `Patient/${patient}`);
  if (name !== undefined)
    add(`(patient = ? OR ${NAMED})`, name.startsWith('Patient/') ? name.slice('Patient/'.length) : null, name, name); // prettier-ignore
  if (identifier !== undefined) add(`(request = ? OR ${NAMED})`, identifier, identifier, identifier);
  if (fhirUser !== undefined) add('fhir_user = ?', fhirUser);
  if (tokenId !== undefined) add('token = ?', tokenId);
  if (requestId !== undefined) add('request = ?', requestId);
  if (action !== undefined) add('action = ?', action);
  if (outcome !== undefined) add('outcome = ?', outcome);
  if (kinds) add('kind IN (SELECT value FROM json_each(?))', JSON.stringify(kinds));
  return { text: conditions.join(''), values };
}
