import type { ErrorCode } from '../../src/errors.ts';
import type { ErrorsFile } from '../../src/mapping/exchange-schema.ts';

/** What an interaction does, as error tables tell it. */
export type ErrorScope = 'read' | 'search' | 'write';

/** What a service said when it did not do what it was asked. */
export interface Said {
  readonly on: ErrorScope;
  /** Return code of an answer. */
  readonly status?: string | undefined;
  /** Codes of a Fault, the most exact first, local names. */
  readonly faults?: readonly string[] | undefined;
  /** Reason code of an answer, or of a Fault's detail. */
  readonly reason?: string | undefined;
  /** In words. For matching only: it may hold patient data. */
  readonly text?: string | undefined;
  /** Whether a Fault says to try again. */
  readonly retry?: boolean | undefined;
}

/** The error that something said is; `empty`: no error, there is nothing; undefined: no row speaks of it. */
export type ErrorTable = (said: Said) => ErrorCode | 'empty' | undefined;

/** Compiles error tables, the more special first; the first row that matches wins. */
export function createErrorTable(files: readonly ErrorsFile[]): ErrorTable {
  const rows = files.flatMap((file) => file.rows).map(compileRow);
  return (said) => rows.find((row) => row.matches(said))?.code;
}

function compileRow(row: ErrorsFile['rows'][number]) {
  const says = row.says === undefined ? undefined : new RegExp(row.says, 'i');
  const matches = ({ on, status, faults, reason, text, retry }: Said): boolean =>
    (row.on === 'any' || row.on === on) &&
    (row.status === undefined || row.status === status) &&
    (row.fault === undefined || (faults?.includes(row.fault) ?? false)) &&
    (row.reason === undefined || row.reason === reason) &&
    (row.retry === undefined || row.retry === (retry ?? false)) &&
    (says === undefined || says.test(text ?? '')) &&
    row.ack === undefined &&
    row.err === undefined;
  return { matches, code: row.code as ErrorCode | 'empty' };
}
