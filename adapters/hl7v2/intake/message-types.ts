import type { StructureNode } from '../../../src/mapping/message-schema.ts';
import { compileStructure } from '../../../src/mapping/structure.ts';
import type { Grouping } from '../../../src/mapping/structure.ts';

/**
 * Segments that say whom or what a message is about. Others that a structure requires (EVN, PV1) real feeds leave out,
 * and it can be read without.
 */
const SUBJECTS: ReadonlySet<string> = new Set([
  'PID',
  'MRG',
  'OBR',
  'SCH',
  'TXA',
  'FT1',
  'RXE',
  'RXO',
  'RXA',
  'PRB',
  'GOL',
  'PTH',
]);

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
  /** As of `KnownMessage`. */
  readonly of: readonly string[];
  /** Segments that must be there, in order: required ones of the message, and of the groups that it requires. */
  readonly required: readonly string[];
  /** Those of them that say whom or what the message is about. */
  readonly subjects: readonly string[];
  /** Groups the segments of a message, given their names in order. */
  readonly group: (names: readonly string[]) => Grouping;
}

/** MSH-9; empty where it says nothing. */
export interface SaidType {
  readonly code: string;
  /** MSH-9.2, else EVN-1. */
  readonly event: string;
  readonly structure: string;
}

/** The messages that are understood. */
export interface MessageTypes {
  /**
   * The structure of a message, chosen as it is when the message is read (`src/mapping/message-of.ts`); undefined when
   * there is none.
   */
  find(said: SaidType): MessageType | undefined;
  /** Whether any event of a code is understood. */
  knows(code: string): boolean;
}

/** Makes the table of what is understood. Structures with MSA are answers, and nothing that a feed sends. */
export function createMessageTypes(messages: Iterable<KnownMessage>): MessageTypes {
  const byName = new Map<string, MessageType>();
  const byStructure = new Map<string, MessageType>();
  const codes = new Set<string>();
  for (const { message, of, structure } of messages) {
    if (namesIn(structure).includes('MSA')) continue;
    const required = requiredIn(structure);
    const type: MessageType = {
      structure: message,
      of,
      required,
      subjects: required.filter((name) => SUBJECTS.has(name)),
      group: compileStructure(structure),
    };
    byStructure.set(message, type);
    for (const name of of) {
      byName.set(name, type);
      codes.add(name.slice(0, 3));
    }
  }
  return {
    find: ({ code, event, structure }) =>
      byName.get(event === '' ? code : `${code}^${event}`) ?? byStructure.get(structure) ?? byName.get(code),
    knows: (code) => codes.has(code),
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

/**
 * Segments that must be there. Where none of them says whom or what the message is about, what does stands in a group
 * that repeats (`PATIENT*` of a merge): it must be there at least once.
 */
function requiredIn(nodes: readonly StructureNode[]): readonly string[] {
  const found = nodes.filter((node) => !isOptional(node));
  const direct = found.flatMap((node) => (typeof node === 'string' ? [node] : requiredIn(node.of)));
  if (direct.some((name) => SUBJECTS.has(name))) return [...new Set(direct)];
  for (const node of nodes) {
    if (typeof node === 'string' || !node.group.endsWith('*')) continue;
    const inner = requiredIn(node.of);
    if (inner.some((name) => SUBJECTS.has(name))) return [...new Set([...direct, ...inner])];
  }
  return [...new Set(direct)];
}
