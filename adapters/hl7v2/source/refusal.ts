import type { ErrorCode } from '../../../src/errors.ts';
import type { ErrorsFile } from '../../../src/mapping/exchange-schema.ts';
import type { Message } from '../message.ts';
import type { Segment } from '../segment.ts';

/** What a message was for: what an error of the core means depends on it. */
export type Purpose = 'read' | 'search' | 'write';

/** One error as the core tells it. */
export interface ToldError {
  /** HL7 table 0357: `204`. */
  readonly code: string;
  /** Where: `PID-5`, or `PID`. */
  readonly place: string | undefined;
}

/** What an answer says of itself. */
export interface Verdict {
  /** MSA-1, HL7 table 0008; '' when it is not said. */
  readonly ack: string;
  /** QAK-2 (or what the interaction names), HL7 table 0208. */
  readonly status: string | undefined;
  /** Only of an answer that is not plainly good. */
  readonly errors: readonly ToldError[];
  /** Texts for people, which may hold patient data: looked at, never shown. */
  readonly text: string;
}

const ACCEPTED: ReadonlySet<string> = new Set(['AA', 'CA']);

/** Reads MSA, ERR and the status. ERR in its form up to HL7 v2.4 (ERR-1) and since v2.5 (HL7 v2.5.1 §2.15.5). */
export function readVerdict(reply: Message, status: string | undefined): Verdict {
  const ack = reply.value('MSA', 1) ?? '';
  if (ACCEPTED.has(ack) && (status === undefined || status === 'OK'))
    return { ack, status, errors: [], text: '' };
  const segments = reply.all('ERR');
  const errors = segments.flatMap(readErr);
  // HL7 v2.2 to v2.4: MSA-6 is the error condition.
  const condition = errors.length === 0 ? reply.value('MSA', 6) : undefined;
  if (condition) errors.push({ code: condition, place: undefined });
  const texts = [reply.value('MSA', 3), ...segments.flatMap((err) => [err.value(7), err.value(8)])];
  const places = errors.map(({ place }) => place);
  return { ack, status, errors, text: [...texts, ...places].filter(Boolean).join('\n') };
}

/** Whether nothing went wrong. */
export function isGood({ ack, status }: Verdict): boolean {
  return ACCEPTED.has(ack) && (status === undefined || status === 'OK');
}

function readErr(err: Segment): ToldError[] {
  const code = err.value(3);
  if (code) {
    const place = placeOf(err.value(2, 1, 1), err.value(2, 1, 3));
    return [{ code, place }];
  }
  const told: ToldError[] = [];
  for (let nth = 1; nth <= err.repetitions(1); nth += 1) {
    const old = err.value(1, nth, 4);
    if (old) told.push({ code: old, place: placeOf(err.value(1, nth, 1), err.value(1, nth, 3)) });
  }
  return told;
}

function placeOf(segment: string | null | undefined, field: string | null | undefined): string | undefined {
  if (!segment || !/^[A-Z][A-Z0-9]{2}$/.test(segment)) return undefined;
  return field && /^\d{1,3}$/.test(field) ? `${segment}-${field}` : segment;
}

/** What an answer that is not plainly good comes to: an error code, or `empty` for nothing found. */
export type ErrorTable = (verdict: Verdict, purpose: Purpose) => ErrorCode | 'empty';

/**
 * Compiles `mappings/errors.yaml`.
 * @throws Error without a last row that takes what is left; SyntaxError for a pattern that is none.
 */
export function compileErrorTable(file: ErrorsFile): ErrorTable {
  const last = file.rows.at(-1);
  if (
    !last ||
    last.on !== 'any' ||
    [last.ack, last.err, last.status, last.says].some((it) => it !== undefined)
  )
    throw new Error(
      `the error table ${file.errors} needs a last row with nothing but a code, for whatever is left`,
    );
  const rows = file.rows.map(({ on, ack, err, status, says, code }) => {
    const pattern = says === undefined ? undefined : new RegExp(says, 'u');
    return {
      code: code as ErrorCode | 'empty',
      matches: (verdict: Verdict, purpose: Purpose): boolean =>
        (on === 'any' || on === purpose) &&
        (ack === undefined || ack === verdict.ack) &&
        (status === undefined || status === verdict.status) &&
        (err === undefined || verdict.errors.some((error) => error.code === err)) &&
        (pattern === undefined || pattern.test(verdict.text)),
    };
  });
  return (verdict, purpose) => rows.find(({ matches }) => matches(verdict, purpose))!.code;
}
