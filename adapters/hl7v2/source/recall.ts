import { LRUCache } from 'lru-cache';
import type { Resource } from '../../../src/fhir/types.ts';
import type { StructureNode } from '../../../src/mapping/exchange-schema.ts';
import type { CompiledMap } from '../../../src/mapping/map-compiler.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import type { SegmentGroup } from '../../../src/mapping/structure.ts';
import type { Message } from '../message.ts';

/**
 * Records read lately, by their bytes: most of what is asked for has not changed since it was last read. The core is asked every
 * time, and only bytes that are all the same are not mapped again; so nothing here can be stale.
 */
export interface Recall {
  /** Everything that the resource of a record depends on, as one text. */
  key(message: Message, group: SegmentGroup): string;
  get(key: string): Resource | undefined;
  set(key: string, resource: Resource): void;
}

/** A few kilobytes each. */
const RECORDS = 5_000;

/** For the records of a group; undefined when the map reads more than the group's own segments, or facts of the exchange. */
export function createRecall(
  map: CompiledMap,
  structure: readonly StructureNode[],
  group: string,
): Recall | undefined {
  const inside = namesIn(findGroup(structure, group) ?? []);
  if (!map.rows.every(({ row }) => readsOnly(inside, row))) return undefined;
  const known = new LRUCache<string, Resource>({ max: RECORDS });
  return {
    key(message, record) {
      const { segments } = message;
      let key = `${message.value('MSH', 1)}${message.value('MSH', 2)}${message.value('MSH', 18) ?? ''}`;
      for (const index of indexesOf(record, inside)) key += `\r${segments[index]!.bytes()}`;
      return key;
    },
    get: (key) => known.get(key),
    set: (key, resource) => void known.set(key, resource),
  };
}

function readsOnly(inside: ReadonlySet<string>, { v2, when = '', unless = '' }: Row): boolean {
  const conditions = `${when} ${unless}`;
  const asked = [v2?.slice(0, 3) ?? [], conditions.match(/[A-Z][A-Z0-9]{2}(?=-\d)/g) ?? []].flat();
  return !conditions.includes('$') && asked.every((name) => inside.has(name));
}

/** Where the segments of a record stand, and those around it that a record without its own would be read from. */
function indexesOf(group: SegmentGroup, inside: ReadonlySet<string>): number[] {
  const indexes = ownIndexes(group);
  for (let outer = group.parent; outer; outer = outer.parent)
    for (const [name, more] of outer.segments) if (inside.has(name)) indexes.push(...more);
  return indexes;
}

function ownIndexes(group: SegmentGroup): number[] {
  const indexes = [...group.segments.values()].flat();
  for (const inner of group.groups.values()) for (const one of inner) indexes.push(...ownIndexes(one));
  return indexes.sort((a, b) => a - b);
}

function findGroup(nodes: readonly StructureNode[], name: string): readonly StructureNode[] | undefined {
  for (const node of nodes) {
    if (typeof node === 'string') continue;
    const found = bare(node.group) === name ? node.of : findGroup(node.of, name);
    if (found) return found;
  }
  return undefined;
}

function namesIn(nodes: readonly StructureNode[]): Set<string> {
  return new Set(nodes.flatMap((node) => (typeof node === 'string' ? [bare(node)] : [...namesIn(node.of)])));
}

/** `NK1*` is NK1. */
function bare(text: string): string {
  return text.replace(/[?*]$/, '');
}
