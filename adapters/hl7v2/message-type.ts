import type { MessageType } from '../../src/mapping/message-of.ts';
import type { Message } from './message.ts';

/**
 * The type of a message; empty where it says nothing. HL7 v2.5.1 §2.15.9.9. Systems of v2.1 write `ADT` alone and the
 * event in EVN-1: it counts where MSH-9.2 is empty.
 */
export function typeOf(message: Message): MessageType {
  const [code, event, structure] = [1, 2, 3].map((part) => message.value('MSH', 9, 1, part) ?? '');
  return { code: code!, event: event! || eventOfEvn(message), structure: structure! };
}

/** EVN-1; empty where it says nothing. */
export function eventOfEvn(message: Message): string {
  return (message.value('EVN', 1) ?? '').trim();
}
