import { FicusError } from '../../../src/errors.ts';

/** Where a search goes on: which way is asked, and which query of the core is continued there. */
export interface Cursor {
  readonly way: number;
  /** QPD-2 of the query; absent: it has not been asked yet. */
  readonly tag?: string;
  /** DSC-1. */
  readonly pointer?: string;
  /** Marks of resources that were given and may come again in another way. */
  readonly strays?: readonly string[];
}

/** `[way]` or `[way, tag, pointer]`, and then the strays, if any. */
export function encodeCursor({ way, tag, pointer, strays = [] }: Cursor): string {
  const query = tag === undefined || pointer === undefined ? [] : [tag, pointer];
  return JSON.stringify([way, ...query, ...(strays.length > 0 ? [strays] : [])]);
}

/** @throws {FicusError} `page-expired` for what is no cursor of ours: another release wrote it. */
export function decodeCursor(text: string): Cursor {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw unknown(error);
  }
  const parts: unknown[] = Array.isArray(parsed) ? parsed : [];
  const last = parts.at(-1);
  const strays = isTexts(last) ? { strays: last } : {};
  const [way, tag, pointer] = isTexts(last) ? parts.slice(0, -1) : parts;
  if (typeof way !== 'number' || !Number.isInteger(way) || way < 0) throw unknown();
  if (tag === undefined) return { way, ...strays };
  if (typeof tag !== 'string' || typeof pointer !== 'string') throw unknown();
  return { way, tag, pointer, ...strays };
}

/** QPD-2 of the query that a cursor continues, if any. */
export function tagOf(text: string): string | undefined {
  try {
    return decodeCursor(text).tag;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function unknown(cause?: unknown): FicusError {
  return new FicusError('page-expired', 'Where this search goes on is not known any more. Start it again.', {
    cause,
  });
}
