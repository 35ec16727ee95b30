import type { Resource } from '../../../src/fhir/types.ts';
import type { StructureNode } from '../../../src/mapping/message-schema.ts';
import type { CompiledMap } from '../../../src/mapping/map-compiler.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import type { ByteString } from '../charset.ts';
import type { Message } from '../message.ts';
import { createRecent, type RecentOptions } from './recent.ts';

/**
 * Records read lately, with their bytes: most of what is asked for has not changed since it was last read. The core is
 * asked every time, and only an answer whose record is the same byte for byte is not mapped again; so nothing here can
 * be stale. Its resource is the same object each time, so that those who seal, hash and write it need not do that again
 * either (docs/decisions/0009).
 */
export interface Recall {
  origin(message: Message): Origin;
  /** What was made of a record of this origin when it was asked for by this key; undefined: it is not known. */
  get(asked: string, origin: Origin): Resource | undefined;
  /**
   * Keeps a resource that was asked for before, too: it is frozen then, which tells others that it may be given again.
   */
  set(asked: string, origin: Origin, resource: Resource): void;
}

/** Everything that the record of an answer depends on. */
interface Origin {
  /** Delimiters and character set. */
  readonly form: string;
  /** The names of the segments before the record, which decide where it stands. */
  readonly before: readonly string[];
  /** All that follows, as it came. */
  readonly record: ByteString;
}

/**
 * For the answers of an endpoint; undefined when its map reads more than the segments of its group, or facts of the
 * exchange.
 */
export function createRecall(
  map: CompiledMap,
  structure: readonly StructureNode[],
  group: string,
  options: RecentOptions,
): Recall | undefined {
  const inside = namesIn(findGroup(structure, group) ?? []);
  if (options.entries === 0 || !map.rows.every(({ row }) => readsOnly(inside, row))) return undefined;
  const known = createRecent<{ readonly origin: Origin; readonly resource: Resource }>(options);
  const before = createRecent<true>(options);
  return {
    origin: (message) => originOf(message, inside),
    get(asked, origin) {
      const kept = known.get(asked);
      return kept && isSame(kept.origin, origin) ? kept.resource : undefined;
    },
    set(asked, origin, resource) {
      // What is asked for once is not kept: it would only drive out what is asked for again.
      if (before.get(asked)) known.set(asked, { origin, resource: Object.freeze(resource) });
      else before.set(asked, true);
    },
  };
}

function originOf(message: Message, inside: ReadonlySet<string>): Origin {
  const form = `${message.value('MSH', 1)}${message.value('MSH', 2)}${message.value('MSH', 18) ?? ''}`;
  const before: string[] = [];
  for (let at = 0; ; at += 1) {
    const name = message.nameAt(at);
    if (name === undefined || inside.has(name)) return { form, before, record: message.cameFrom(at) };
    before.push(name);
  }
}

function isSame(one: Origin, other: Origin): boolean {
  return (
    one.form === other.form &&
    one.before.length === other.before.length &&
    one.before.every((name, at) => name === other.before[at]) &&
    one.record === other.record
  );
}

function readsOnly(inside: ReadonlySet<string>, { v2, when = '', unless = '' }: Row): boolean {
  const conditions = `${when} ${unless}`;
  const asked = [v2?.slice(0, 3) ?? [], conditions.match(/[A-Z][A-Z0-9]{2}(?=-\d)/g) ?? []].flat();
  return !conditions.includes('$') && asked.every((name) => inside.has(name));
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
