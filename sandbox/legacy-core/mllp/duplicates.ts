import { createHash } from 'node:crypto';
import { value, type Hl7Message } from '../hl7/message.ts';

/** What is remembered of a message: its content and, for a write that was applied, the answers it got. */
export interface Remembered {
  readonly hash: string;
  readonly answers: readonly Buffer[] | undefined;
}

/** Messages received, by sender and MSH-10. */
export interface Duplicates {
  get(message: Hl7Message): Remembered | undefined;
  put(message: Hl7Message, remembered: Remembered): void;
  clear(): void;
}

const KEPT = 20_000;

/** Remembers the last 20,000 messages. */
export function createDuplicates(): Duplicates {
  const seen = new Map<string, Remembered>();
  return {
    get: (message) => seen.get(keyOf(message)),
    put(message, remembered) {
      const key = keyOf(message);
      seen.delete(key);
      seen.set(key, remembered);
      if (seen.size <= KEPT) return;
      const [oldest] = seen.keys();
      if (oldest !== undefined) seen.delete(oldest);
    },
    clear: () => seen.clear(),
  };
}

/** Content without MSH-7: a message sent again may say when. */
export function contentHash(text: string): string {
  const fields = text.split('|');
  fields[6] = '';
  return createHash('sha256').update(fields.join('|')).digest('base64');
}

function keyOf(message: Hl7Message): string {
  return [value(message.msh, 3), value(message.msh, 4), value(message.msh, 10)].join('|');
}
