import { FicusError } from '../../../src/errors.ts';

/** Where a search goes on: which way is asked, and which query of the core is continued there. */
export interface Cursor {
  readonly way: number;
  /** QPD-2 of the query; absent: it has not been asked yet. */
  readonly tag?: string;
  /** DSC-1. */
  readonly pointer?: string;
}

export function encodeCursor({ way, tag, pointer }: Cursor): string {
  return JSON.stringify(tag === undefined || pointer === undefined ? [way] : [way, tag, pointer]);
}

/** @throws {FicusError} `page-expired` for what is no cursor of ours: another release wrote it. */
export function decodeCursor(text: string): Cursor {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw unknown(error);
  }
  const [way, tag, pointer] = Array.isArray(parsed) ? (parsed as unknown[]) : [];
  if (typeof way !== 'number' || !Number.isInteger(way) || way < 0) throw unknown();
  if (tag === undefined) return { way };
  if (typeof tag !== 'string' || typeof pointer !== 'string') throw unknown();
  return { way, tag, pointer };
}

/** QPD-2 of the query that a cursor continues, if any. */
export function tagOf(text: string): string | undefined {
  try {
    return decodeCursor(text).tag;
  } catch {
    return undefined;
  }
}

function unknown(cause?: unknown): FicusError {
  return new FicusError('page-expired', 'Where this search goes on is not known any more. Start it again.', {
    cause,
  });
}
