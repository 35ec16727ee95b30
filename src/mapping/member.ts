import type { Json, JsonObject } from '../fhir/types.ts';
import { sameJson, type Codec } from './codec.ts';
import type { Condition } from './condition.ts';
import { isObject } from './fhir-path.ts';
import { orderByNeeds, sharePlaces } from './member-order.ts';
import type { Run } from './run.ts';
import { descend, descendTo, isAbsent, pathKey } from './tree-path.ts';
import type { Step, TreeReader, TreeWriter } from './tree.ts';

/**
 * One property of a FHIR object, fed by one row or several; compiled. `root` is the place the map's paths start from.
 */
export interface Member {
  readonly property: string;
  read(root: TreeReader, run: Run): Json | undefined;
  /**
   * Makes the tree say `value` for this property; what already says so is not touched, byte for byte.
   * @returns whether it had to change anything (or tried to).
   */
  write(value: Json | undefined, root: TreeWriter, run: Run): boolean;
  /** What is always so, for an object that the tree says something about; undefined: nothing is. */
  readonly always: Always | undefined;
  /** Keys of tree paths that its conditions ask for, and that it writes. */
  readonly needs: readonly string[];
  readonly writes: readonly string[];
  /** Nothing can be read unless one of these parts holds something; undefined: not known. */
  readonly sources: readonly Source[] | undefined;
  /** Whether a row of it has a condition. */
  readonly conditional: boolean;
}

/** A numbered part that a row reads: `PID-5` of a group, `CX.4` of a value. */
export interface Source {
  readonly segment: Step | undefined;
  readonly part: number;
  /** The part's bit in `TreeReader.filledParts`. */
  readonly bit: number;
}

/** What of a member follows from the paths of its rows. */
export type MemberKeys = Pick<Member, 'needs' | 'writes' | 'sources' | 'conditional'>;

/** One way to feed a property that holds one value. */
export interface Alternative {
  readonly steps: readonly Step[];
  readonly codec: Codec;
  readonly when: Condition | undefined;
  readonly only: 'read' | 'write' | undefined;
}

/** What rows say is always so, for an object that the tree says something about. */
export type Always = (root: TreeReader, run: Run) => Json | undefined;

/** A codec over an object: its members, in an order in which conditions find what they ask for already written. */
export function objectCodec(members: readonly Member[]): Codec {
  const write = memberWriter(members);
  const constant = members.filter(({ always }) => always !== undefined);
  return {
    read: (place, run) => {
      const found = readMembers(members, place, run);
      if (found && constant.length > 0) addAlways(constant, found, place, run);
      return found;
    },
    write: (value, place, run) => {
      write(isObject(value) ? value : {}, place, run);
      if (value === undefined && !place.filled()) place.clear();
      return true;
    },
  };
}

function readMembers(members: readonly Member[], root: TreeReader, run: Run): JsonObject | undefined {
  let found: JsonObject | undefined;
  const filled = root.filledParts?.() ?? ALL;
  for (const member of members) {
    if (member.sources !== undefined && !anyHolds(member.sources, root, filled)) continue;
    const value = member.read(root, run);
    if (value === undefined) continue;
    found ??= {};
    found[member.property] = value;
  }
  return found;
}

/** Every bit of `TreeReader.filledParts`. */
const ALL = -1;

function anyHolds(sources: readonly Source[], root: TreeReader, filled: number): boolean {
  for (const { segment, part, bit } of sources) {
    if (segment === undefined ? (filled & bit) !== 0 : (root.child(segment).holds?.(part) ?? true))
      return true;
  }
  return false;
}

/** Adds the constants to an object that has something of its own. */
export function addAlways(members: readonly Member[], found: JsonObject, root: TreeReader, run: Run): void {
  for (const member of members) {
    if (found[member.property] !== undefined) continue;
    const value = member.always?.(root, run);
    if (value !== undefined) found[member.property] = value;
  }
}

/**
 * Most often that members are written: what one writes may make the condition of another hold, and that of a third
 * fail.
 */
const PASSES = 4;

/**
 * Writes members: first what goes, then what comes, because two members may share a place; again while something
 * changed and a condition may have come to hold. A member that says what it should is not touched.
 */
function memberWriter(
  members: readonly Member[],
): (value: JsonObject, root: TreeWriter, run: Run) => boolean {
  const ordered = orderByNeeds(members);
  const passes = members.some((member) => member.conditional) || sharePlaces(members) ? PASSES : 1;
  return (value, root, run) => {
    let changedEver = false;
    for (let pass = 0; pass < passes; pass += 1) {
      let changed = false;
      for (const member of ordered) {
        if (value[member.property] === undefined && member.write(undefined, root, run)) changed = true;
      }
      for (const member of ordered) {
        const wanted = value[member.property];
        if (wanted !== undefined && member.write(wanted, root, run)) changed = true;
      }
      if (!changed) break;
      changedEver = true;
    }
    return changedEver;
  };
}

/** A property that is one object whose members are said by rows of their own: `period.start`. */
export function objectMember(property: string, members: readonly Member[]): Member {
  const codec = objectCodec(members);
  const write = memberWriter(members);
  return {
    property,
    read: (root, run) => codec.read(root, run),
    write: (value, root, run) => write(isObject(value) ? value : {}, root, run),
    always: constantObject(members),
    needs: members.flatMap((member) => member.needs),
    writes: members.flatMap((member) => member.writes),
    sources: allSources(members.map((member) => member.sources)),
    conditional: members.some((member) => member.conditional),
  };
}

/** An object made of constants only is there whenever what it belongs to is. */
export function constantObject(members: readonly Member[]): Always | undefined {
  if (members.some((member) => member.writes.length > 0)) return undefined;
  return (root, run) => {
    const found: JsonObject = {};
    addAlways(members, found, root, run);
    return Object.keys(found).length === 0 ? undefined : found;
  };
}

/** A property that holds one value: the first alternative that says something is it. */
export function singleMember(
  property: string,
  alternatives: readonly Alternative[],
  constants: readonly Always[],
  keys: MemberKeys,
): Member {
  const say = (alternative: Alternative, root: TreeReader, run: Run): Json | undefined => {
    const { only, when, steps, codec } = alternative;
    if (only === 'write') return undefined;
    const place = descend(root, steps);
    if (when && (isAbsent(steps, place) || !when.holds(root, run))) return undefined;
    return codec.read(place, run);
  };
  const always = firstOf(constants);
  return {
    property,
    ...keys,
    always,
    read(root, run) {
      let first: Json | undefined;
      for (const alternative of alternatives) {
        const value = say(alternative, root, first === undefined ? run : run.quiet);
        if (value === undefined) continue;
        if (first === undefined) first = value;
        else if (!sameJson(first, value)) {
          run.lose(
            'no-room',
            descend(root, alternative.steps).location(),
            `${property} is said twice, and differently`,
          );
        }
      }
      return first;
    },
    write(value, root, run) {
      let winner = -1;
      let more = false;
      let said: Json | undefined;
      for (const [at, alternative] of alternatives.entries()) {
        const it = say(alternative, root, run.quiet);
        if (it === undefined) continue;
        if (winner >= 0) more = true;
        else [winner, said] = [at, it];
      }
      if (winner >= 0 ? sameJson(said, value) : value === undefined || sameJson(always?.(root, run), value))
        return false;
      const first = alternatives[winner];
      if (more) clearOthers(alternatives, first, root, run, say);
      if (first && value !== undefined && attempt(first, value, root, run)) return true;
      first?.codec.write(undefined, descendTo(root, first.steps), run);
      if (value !== undefined)
        alternatives.some((alternative) => alternative !== first && attempt(alternative, value, root, run));
      return true;
    },
  };
}

/** Takes away what alternatives besides the first say. */
function clearOthers(
  alternatives: readonly Alternative[],
  first: Alternative | undefined,
  root: TreeWriter,
  run: Run,
  say: (alternative: Alternative, root: TreeReader, run: Run) => Json | undefined,
): void {
  for (const alternative of alternatives) {
    if (alternative === first || say(alternative, root, run.quiet) === undefined) continue;
    alternative.codec.write(undefined, descendTo(root, alternative.steps), run);
  }
}

/**
 * Writes a value by one alternative, unless that is read only, its condition fails, or its place cannot say the value.
 */
function attempt(alternative: Alternative, value: Json, root: TreeWriter, run: Run): boolean {
  const { only, when, codec, steps } = alternative;
  if (only === 'read') return false;
  const place = descendTo(root, steps);
  // A condition may ask for the very place that this row fills: then what it will say decides.
  const fills = when !== undefined && !when.holds(root, run) && asksFor(when, steps) && !place.filled();
  if (when && !fills && !when.holds(root, run)) return false;
  if (!codec.write(value, place, run)) return false;
  if (!fills || when.holds(root, run)) return true;
  codec.write(undefined, place, run);
  return false;
}

function asksFor(condition: Condition, steps: readonly Step[]): boolean {
  return condition.needs.includes(pathKey(steps));
}

/** All of several sources; undefined when one is not known. */
export function allSources(
  sources: readonly (readonly Source[] | undefined)[],
): readonly Source[] | undefined {
  const all: Source[] = [];
  for (const some of sources) {
    if (!some) return undefined;
    for (const source of some) {
      if (!all.some(({ segment, part }) => segment === source.segment && part === source.part))
        all.push(source);
    }
  }
  return all;
}

/** The first constant that holds. */
function firstOf(constants: readonly Always[]): Always | undefined {
  if (constants.length === 0) return undefined;
  return (root, run) => {
    for (const constant of constants) {
      const value = constant(root, run);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}
