import { isA, typeDef } from '../fhir/elements.ts';
import {
  constantObject,
  allSources,
  objectCodec,
  objectMember,
  singleMember,
  type Alternative,
  type Always,
  type Source,
  type Member,
  type MemberKeys,
} from './member.ts';
import { listMember } from './list-member.ts';
import type { Feed } from './list-plan.ts';
import type { Codec } from './codec.ts';
import type { Condition } from './condition.ts';
import { compileDefaults, isObject, propertyOf, type FhirStep, type FhirTest } from './fhir-path.ts';
import { pathKey } from './tree-path.ts';
import type { Step } from './tree.ts';
import type { Json } from '../fhir/types.ts';

/** A row on its way into closures: what is left of its FHIR path, and how its place is read. */
export interface Branch {
  readonly steps: readonly Step[];
  readonly repeats: boolean;
  readonly split: string | undefined;
  /** The place is a whole segment, each of its repetitions an item. */
  readonly segments: boolean;
  readonly fhir: readonly FhirStep[];
  readonly when: Condition | undefined;
  readonly only: 'read' | 'write' | undefined;
  /** How the place is read; or a value that is always so. */
  readonly says: { readonly codec: Codec } | { readonly value: Json };
  /** Tree paths that must have been written before this row, besides those of its condition. */
  readonly after: readonly string[];
  /** Tells a problem of this row. */
  readonly problem: (message: string) => void;
}

/**
 * Compiles rows into the members of a FHIR type, checking every path against FHIR R4.
 * Rows that meet at one property become one member; see docs/mapping.md, "Several rows, one element".
 */
export function compileMembers(branches: readonly Branch[], typeName: string): Member[] {
  const groups = Map.groupBy(branches, (branch) => branch.fhir[0]!.name);
  return [...groups].flatMap(([name, group]) => {
    const property = propertyOf(typeName, name);
    if (!property) {
      for (const branch of group) branch.problem(`FHIR R4 ${typeName} has no element ${name}`);
      return [];
    }
    const list = property.element.max > 1 && !group.every(makesList);
    return [list ? compileList(name, group, property.type) : compileSingle(name, group, property.type)];
  });
}

/** Whether a row's codec makes the whole list of a property: then that is one value. */
function makesList({ fhir, says }: Branch): boolean {
  return fhir.length === 1 && 'codec' in says && says.codec.list === true;
}

/** The codec of rows whose FHIR side is `$this`: alternatives for one value. */
export function compileThis(branches: readonly Branch[]): Codec {
  const { alternatives, constants } = split(branches);
  const codec = objectCodec([singleMember('$this', alternatives, constants, keysOf(branches))]);
  return {
    read: (place, run) => {
      const found = codec.read(place, run);
      return isObject(found) ? found['$this'] : undefined;
    },
    write: (value, place, run) => codec.write(value === undefined ? undefined : { $this: value }, place, run),
  };
}

function keysOf(branches: readonly Branch[]): MemberKeys {
  const reading = branches.filter(({ says }) => 'codec' in says);
  return {
    // What a condition asks of the row's own place says nothing about order; a constant is not written.
    needs: reading.flatMap(({ when, steps, after }) => [
      ...(when?.needs ?? []).filter((need) => need !== pathKey(steps)),
      ...after,
    ]),
    writes: reading.map(({ steps }) => pathKey(steps)),
    conditional: branches.some(({ when }) => when !== undefined),
    sources: allSources(reading.map(({ steps: [first, second] }) => sourceOf(first, second))),
  };
}

function sourceOf(first: Step | undefined, second: Step | undefined): readonly Source[] | undefined {
  const part = typeof first === 'number' ? first : second;
  if (first === undefined || typeof part !== 'number') return undefined;
  return [{ segment: part === first ? undefined : first, part, bit: 1 << Math.min(part, 31) }];
}

function compileSingle(name: string, branches: readonly Branch[], type: string): Member {
  for (const branch of branches) {
    const step = branch.fhir[0]!;
    if (step.index !== undefined || step.where.length > 0)
      branch.problem(`${name} is no list: it takes no [n] and no where`);
  }
  const deep = branches.filter((branch) => branch.fhir.length > 1);
  const members = deep.length === 0 ? [] : compileMembers(deep.map(below), type);
  if (deep.length === branches.length) return objectMember(name, members);
  const { alternatives, constants } = split(branches.filter((branch) => branch.fhir.length === 1));
  const fixed = deep.length > 0 ? constantObject(members) : undefined;
  if (fixed) constants.push(fixed);
  else if (deep.length > 0) {
    const composite: Alternative = {
      steps: [],
      codec: objectCodec(members),
      when: undefined,
      only: undefined,
    };
    alternatives.splice(branches.indexOf(deep[0]!), 0, composite);
  }
  return singleMember(name, alternatives, constants, keysOf(branches));
}

function split(branches: readonly Branch[]): { alternatives: Alternative[]; constants: Always[] } {
  const alternatives: Alternative[] = [];
  const constants: Always[] = [];
  for (const { says, steps, when, only } of branches) {
    if ('codec' in says) alternatives.push({ steps, codec: says.codec, when, only });
    else constants.push(constant(says.value, when));
  }
  return { alternatives, constants };
}

function constant(value: Json, when: Condition | undefined): Always {
  return when ? (root, run) => (when.holds(root, run) ? value : undefined) : () => value;
}

/** The branch seen from the element that its first step names. */
function below(branch: Branch): Branch {
  return { ...branch, fhir: branch.fhir.slice(1) };
}

function compileList(name: string, branches: readonly Branch[], type: string): Member {
  const feeds: Feed[] = [];
  const constants: Always[] = [];
  const elements = Map.groupBy(branches, elementKey);
  for (const group of elements.values()) {
    const first = group[0]!;
    if (first.fhir[0]!.index !== undefined && first.fhir.length > 1) {
      const members = compileMembers(group.map(below), type);
      const fixed = constantObject(members);
      if (fixed) constants.push(filled(fixed, first.fhir[0]!.where, type));
      else feeds.push(feedOf(first, objectCodec(members), type, true));
      continue;
    }
    for (const branch of group) compileOpen(branch, type, feeds, constants);
  }
  return listMember(name, feeds, constants, keysOf(branches));
}

/** A constant element of a list with what its `where` says. */
function filled(constants: Always, where: readonly FhirTest[], type: string): Always {
  const defaults = compileDefaults(where, type);
  if (!defaults) return constants;
  return (root, run) => {
    const value = constants(root, run);
    if (value !== undefined) defaults(value);
    return value;
  };
}

/** Rows with the same `[n]` (and `where`) share one element; each of the others makes its own. */
function elementKey(branch: Branch): Branch | string {
  const step = branch.fhir[0]!;
  return step.index === undefined ? branch : `${step.index} ${JSON.stringify(step.where)}`;
}

function compileOpen(branch: Branch, type: string, feeds: Feed[], constants: Always[]): void {
  if ('value' in branch.says) {
    if (branch.fhir.length > 1) branch.problem('a const below a list says which element with [n]');
    else constants.push(constant(branch.says.value, branch.when));
    return;
  }
  if (branch.fhir.length === 1) {
    feeds.push(feedOf(branch, branch.says.codec, type, false));
    return;
  }
  const inner = { ...below(branch), steps: [], when: undefined, only: undefined, repeats: false, after: [] };
  feeds.push(feedOf(branch, objectCodec(compileMembers([inner], type)), type, false));
}

function feedOf(branch: Branch, codec: Codec, type: string, composite: boolean): Feed {
  const { where } = branch.fhir[0]!;
  for (const test of where) checkTest(test.path, type, branch);
  const defaults = compileDefaults(where, type);
  if (composite)
    return {
      steps: [],
      repeats: false,
      split: undefined,
      segments: false,
      codec,
      where,
      defaults,
      when: undefined,
      only: undefined,
    };
  const { steps, repeats, split, segments, when, only } = branch;
  const closed = branch.fhir[0]!.index !== undefined;
  return { steps, repeats: repeats && !closed, split, segments, codec, where, defaults, when, only };
}

function checkTest(path: readonly string[], type: string, branch: Branch): void {
  let at = type;
  for (const name of path) {
    const property = propertyOf(at, name);
    if (!property) return branch.problem(`FHIR R4 ${at} has no element ${name} (in where)`);
    at = property.type;
  }
}

/** The FHIR type at the end of a path, and whether a repeating place may feed it. */
export interface PathTarget {
  readonly type: string;
  /** A list that is not told apart by `[n]` is on the way. */
  readonly list: boolean;
  /** Resource types of a Reference there. */
  readonly targets: readonly string[] | undefined;
}

/**
 * Follows a FHIR path through R4's definitions.
 * @throws Error naming the element that does not exist.
 */
export function targetOf(typeName: string, path: readonly FhirStep[]): PathTarget {
  let target: PathTarget = { type: typeName, list: false, targets: undefined };
  for (const step of path) {
    const property = propertyOf(target.type, step.name);
    if (!property) throw new Error(`FHIR R4 ${target.type} has no element ${step.name}`);
    const open = property.element.max > 1 && step.index === undefined;
    target = { type: property.type, list: target.list || open, targets: property.element.targets };
  }
  return target;
}

/** Whether a value of FHIR type `given` may stand where `wanted` is expected. */
export function fitsType(given: string, wanted: string): boolean {
  if (given === wanted || isA(given, wanted)) return true;
  const [a, b] = [typeDef(given), typeDef(wanted)];
  return a?.kind === 'primitive' && b?.kind === 'primitive' && (isA(given, wanted) || isA(wanted, given));
}
