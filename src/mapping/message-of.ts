import type { CompiledMessage } from './compiled-message.ts';
import type { MappingSet } from './mapping-set.ts';

/** What MSH-9 says, and EVN-1 where it names no event. */
export interface MessageType {
  /** MSH-9.1: `ADT`. */
  readonly code: string;
  /** MSH-9.2, else EVN-1: `A01`; empty when it is not said. */
  readonly event: string;
  /** MSH-9.3: `ADT_A01`; empty when it is not said. */
  readonly structure: string;
}

/** `ADT^A01`, or `ACK` where there is no event. */
export function typeName({ code, event }: MessageType): string {
  return event === '' ? code : `${code}^${event}`;
}

const indexes = new WeakMap<MappingSet, ReadonlyMap<string, CompiledMessage>>();

/**
 * The message file for a type: the one that claims it, else the one of the structure that it names, else the one for
 * every event of its code.
 */
export function messageOf(set: MappingSet, type: MessageType): CompiledMessage | undefined {
  let index = indexes.get(set);
  if (!index) {
    index = new Map([...set.messages.values()].flatMap((file) => file.of.map((name) => [name, file])));
    indexes.set(set, index);
  }
  return index.get(typeName(type)) ?? set.messages.get(type.structure) ?? index.get(type.code);
}
