import type { StructureNode } from './message-schema.ts';

/** A group of a message: which segments stood in it, by their place in the message, and the groups inside. */
export interface SegmentGroup {
  /** Empty for the message itself. */
  readonly name: string;
  readonly parent: SegmentGroup | undefined;
  /** Index into the message's segments, by name, in order. */
  readonly segments: Map<string, number[]>;
  readonly groups: Map<string, SegmentGroup[]>;
  /** Segments of open groups inside, by name, in order; undefined when there are none. */
  seen?: Map<string, number[]>;
  readonly open?: boolean;
}

/** The outcome of grouping: the message as a group, and the segments that its structure has no place for. */
export interface Grouping {
  readonly root: SegmentGroup;
  /** Indexes of segments that stand where the structure does not expect them (Z-segments are expected anywhere). */
  readonly unexpected: readonly number[];
}

interface Part {
  readonly name: string;
  readonly optional: boolean;
  readonly repeats: boolean;
  /** Parts of a group; undefined for a segment. */
  readonly of: readonly Part[] | undefined;
  readonly open: boolean;
}

/** Compiles a message structure to a function that groups the segments of a message; tolerant of what real feeds do. */
export function compileStructure(nodes: readonly StructureNode[]): (names: readonly string[]) => Grouping {
  const parts = nodes.map(parsePart);
  return (names) => group(parts, names);
}

function parsePart(node: StructureNode): Part {
  const text = typeof node === 'string' ? node : node.group;
  return {
    name: text.replace(/[?*]$/, ''),
    optional: /[?*]$/.test(text),
    repeats: text.endsWith('*'),
    of: typeof node === 'string' ? undefined : node.of.map(parsePart),
    open: typeof node !== 'string' && node.open === true,
  };
}

/** Where reading stands inside one open group. */
interface Open {
  readonly parts: readonly Part[];
  readonly group: SegmentGroup;
  readonly repeats: boolean;
  at: number;
}

function group(parts: readonly Part[], names: readonly string[]): Grouping {
  const root = createGroup('', undefined, false);
  const stack: Open[] = [{ parts, group: root, repeats: false, at: 0 }];
  const unexpected: number[] = [];
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index]!;
    if (!place(stack, name, index)) {
      add(homeOf(stack, name), name, index);
      if (!name.startsWith('Z')) unexpected.push(index);
    }
  }
  return { root, unexpected };
}

/** Where a segment out of order belongs: the innermost open group that knows it, else the innermost. */
function homeOf(stack: readonly Open[], name: string): SegmentGroup {
  const knows = stack.findLast(({ parts }) => parts.some((part) => !part.of && part.name === name));
  return (knows ?? stack.at(-1)!).group;
}

/**
 * Finds the next place for a segment: further on in the innermost open group, a new repetition of it, or further out.
 */
function place(stack: Open[], name: string, index: number): boolean {
  for (let depth = stack.length - 1; depth >= 0; depth -= 1) {
    const open = stack[depth]!;
    const found = findFrom(open.parts, isFull(open) ? open.at + 1 : open.at, name);
    if (found !== undefined) {
      close(stack, depth + 1);
      enter(stack, found, name, index);
      return true;
    }
    if (open.repeats && depth > 0 && startsWith(open.parts, name)) {
      close(stack, depth);
      const above = stack[depth - 1]!;
      openGroup(stack, above.parts[above.at]!);
      enter(stack, findFrom(stack.at(-1)!.parts, 0, name)!, name, index);
      return true;
    }
  }
  return false;
}

/** Setting the length of a list costs more than taking the few that are open off it. */
function close(stack: Open[], depth: number): void {
  while (stack.length > depth) stack.pop();
}

/** Whether the part that reading stands at is there already and does not repeat. */
function isFull({ parts, group, at }: Open): boolean {
  const part = parts[at];
  return (
    part !== undefined && !part.repeats && (group.segments.has(part.name) || group.groups.has(part.name))
  );
}

function findFrom(parts: readonly Part[], from: number, name: string): number | undefined {
  for (let at = from; at < parts.length; at += 1) {
    const part = parts[at]!;
    if (part.of ? startsWith(part.of, name) : part.name === name) return at;
  }
  return undefined;
}

/** Whether a group may begin with a segment: what precedes it is optional. */
function startsWith(parts: readonly Part[], name: string): boolean {
  for (const part of parts) {
    if (part.of ? startsWith(part.of, name) : part.name === name) return true;
    if (!part.optional) return false;
  }
  return false;
}

function enter(stack: Open[], at: number, name: string, index: number): void {
  const open = stack.at(-1)!;
  const part = open.parts[at]!;
  open.at = at;
  if (!part.of) {
    add(open.group, name, index);
    return;
  }
  openGroup(stack, part);
  enter(stack, findFrom(part.of, 0, name)!, name, index);
}

function openGroup(stack: Open[], part: Part): void {
  const parent = stack.at(-1)!.group;
  const made = createGroup(part.name, parent, part.open);
  const list = parent.groups.get(part.name);
  if (list) list.push(made);
  else parent.groups.set(part.name, [made]);
  stack.push({ parts: part.of ?? [], group: made, repeats: part.repeats, at: 0 });
}

function createGroup(name: string, parent: SegmentGroup | undefined, open: boolean): SegmentGroup {
  return { name, parent, segments: new Map(), groups: new Map(), open };
}

function add(into: SegmentGroup, name: string, index: number): void {
  append(into.segments, name, index);
  for (let group = into; group.open === true && group.parent; group = group.parent)
    append((group.parent.seen ??= new Map()), name, index);
}

function append(lists: Map<string, number[]>, name: string, index: number): void {
  const list = lists.get(name);
  if (list) list.push(index);
  else lists.set(name, [index]);
}

/** The order in which a structure names its segments: to put a new segment in its place. */
export function segmentOrder(nodes: readonly StructureNode[]): readonly string[] {
  const names = (part: Part): string[] => (part.of ? part.of.flatMap(names) : [part.name]);
  return [...new Set(nodes.map(parsePart).flatMap(names))];
}
