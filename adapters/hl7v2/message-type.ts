import type { MessageType } from '../../src/mapping/message-of.ts';
import type { Message } from './message.ts';

/** What MSH-9 of a message says; empty where it says nothing. HL7 v2.5.1 §2.15.9.9. */
export function typeOf(message: Message): MessageType {
  const [code, event, structure] = [1, 2, 3].map((part) => message.value('MSH', 9, 1, part) ?? '');
  return { code: code!, event: event!, structure: structure! };
}
