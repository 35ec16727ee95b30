import { FicusError } from '../../errors.ts';

/**
 * What may be told of anything thrown: the text of our own errors, which is free of patient data; of others the class
 * and the code only, because their text may quote what they fell over.
 */
export function wordsOf(error: unknown): string {
  if (error instanceof FicusError) return error.message;
  if (!(error instanceof Error)) return 'something that is no error was thrown';
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === 'string' ? `${error.name} (${code})` : error.name;
}

/**
 * Primary result codes of SQLite that say something of the machine and nothing of the message: BUSY, LOCKED, NOMEM,
 * READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
 */
const OF_THE_MACHINE: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 13, 14, 15]);

/**
 * Whether the next try may succeed without anybody touching the message: the disk is full, the file is locked. Such a
 * message is not parked.
 */
export function isOfTheMachine(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' && OF_THE_MACHINE.has(code & 0xff);
}
