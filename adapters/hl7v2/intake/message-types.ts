import type { StructureNode } from '../../../src/mapping/exchange-schema.ts';
import { compileStructure } from '../../../src/mapping/structure.ts';
import type { Grouping } from '../../../src/mapping/structure.ts';

/** What is asked of a message structure here: the messages of a `MappingSet` have it. */
export interface KnownMessage {
  /** `ADT_A01`. */
  readonly message: string;
  /** `ADT^A01`, or `ADT` for events that no other structure names. */
  readonly of: readonly string[];
  readonly structure: readonly StructureNode[];
}

/** One structure, as taking a message needs it. */
export interface MessageType {
  readonly structure: string;
  /** Segments that must be there, in order: required ones of the message, and of the groups that it requires. */
  readonly required: readonly string[];
  /** Whether PID stands anywhere in it. */
  readonly group: (names: readonly string[]) => Grouping;
}

/** The messages that are understood. */
export interface MessageTypes {
  /** The structure of a type and event; the event may be empty. Undefined when there is none. */
  find(code: string, event: string): MessageType | undefined;
  /** Whether any event of the type is understood. */
  knows(code: string): boolean;
}

/** Makes the table of what is understood. Structures with MSA are answers, and nothing that a feed sends. */
export function createMessageTypes(messages: Iterable<KnownMessage>): MessageTypes {
  const byType = new Map<string, MessageType>();
  const byCode = new Map<string, Set<MessageType>>();
  for (const { message, of, structure } of messages) {
    if (namesIn(structure).includes('MSA')) continue;
    const type: MessageType = {
      structure: message,
      required: requiredIn(structure),
      group: compileStructure(structure),
    };
    for (const name of of) {
      byType.set(name, type);
      const code = name.slice(0, 3);
      byCode.set(code, (byCode.get(code) ?? new Set()).add(type));
    }
  }
  /** v2.1 wrote the type alone: that is enough where it has one structure only. */
  const only = (code: string): MessageType | undefined => {
    const all = byCode.get(code);
    return all?.size === 1 ? [...all][0] : undefined;
  };
  return {
    find: (code, event) =>
      event === '' ? (byType.get(code) ?? only(code)) : (byType.get(`${code}^${event}`) ?? byType.get(code)),
    knows: (code) => byCode.has(code),
  };
}

function nameOf(node: StructureNode): string {
  return typeof node === 'string' ? node : node.group;
}

function isOptional(node: StructureNode): boolean {
  return /[?*]$/.test(nameOf(node));
}

function namesIn(nodes: readonly StructureNode[]): string[] {
  return nodes.flatMap((node) => (typeof node === 'string' ? [node.replace(/[?*]$/, '')] : namesIn(node.of)));
}

function requiredIn(nodes: readonly StructureNode[]): readonly string[] {
  const found = nodes.filter((node) => !isOptional(node));
  return [...new Set(found.flatMap((node) => (typeof node === 'string' ? [node] : requiredIn(node.of))))];
}
