import type { Json } from '../../fhir/types.ts';
import { isObject } from '../fhir-path.ts';
import type { CompiledMap } from '../compiled-map.ts';
import type { MappingSet } from '../mapping-set.ts';
import { snapshot } from '../memory-tree.ts';
import { startRun, type Loss, type RunContext } from '../run.ts';
import type { TreeWriter } from '../tree.ts';
import { carriedLosses } from '../write-loss.ts';
import { buildTree, generateTree, startOf, type Assignment } from './generate.ts';
import { createRandom } from './random.ts';

/** A law that generated data broke, and the smallest data that was found to break it. */
export interface CounterExample {
  readonly law: 'get-put' | 'put-get';
  readonly map: string;
  /** Texts by place: `PID-5.1 = Ada`. Made up, never a patient's. */
  readonly tree: readonly string[];
  /** What differs: places of the tree, or FHIRPaths. */
  readonly differs: readonly string[];
}

export interface MeasureOptions {
  /** Trees to try for each law. */
  readonly runs: number;
  readonly seed: number;
  /** Today (`2026-11-22`): whether a waiver still holds. */
  readonly today: string;
}

/** A registry to measure with, when none is configured. */
export const SAMPLE_CONTEXT: RunContext = {
  authorities: [
    {
      name: 'ONE',
      namespaces: ['ONE'],
      oid: '2.16.840.1.113883.19.1',
      system: 'urn:oid:2.16.840.1.113883.19.1',
    },
    { name: 'TWO', namespaces: ['TWO', 'ZWEI'], system: 'https://two.example/ids' },
  ],
  timeZone: 'Europe/Berlin',
};

/**
 * Measures laws 1 (get-put) and 2 (put-get) on generated trees; deterministic by its seed.
 * Put-get leaves out rows that are only read: they say so, and why.
 */
export function measureLaws(
  set: MappingSet,
  map: CompiledMap,
  context: RunContext,
  options: MeasureOptions,
): CounterExample[] {
  const laws = [
    { law: 'get-put', readOnly: true, updates: false, broken: brokenGetPut },
    { law: 'put-get', readOnly: false, updates: true, broken: brokenPutGet },
  ] as const;
  return laws.flatMap(({ law, readOnly, updates, broken }) => {
    const waived = waivedElements(set, map, law, options.today);
    for (let run = 0; run < options.runs; run += 1) {
      const random = createRandom(options.seed + run * 7919);
      const tree = generateTree(map, { set, context, random, readOnly });
      const other = updates ? generateTree(map, { set, context, random, readOnly }) : [];
      const test = (candidate: readonly Assignment[], onto: readonly Assignment[]) =>
        broken(map, context, candidate, onto).filter(
          (place) => !waived.some((element) => place.includes(element)),
        );
      if (test(tree, other).length === 0) continue;
      const onto = shrink(other, (candidate) => test(tree, candidate).length > 0);
      const smallest = shrink(tree, (candidate) => test(candidate, onto).length > 0);
      return [{ law, map: map.name, tree: describe(smallest, onto), differs: test(smallest, onto) }];
    }
    return [];
  });
}

/**
 * What rows with a waiver may break: `Address.use` and what is below; or places of the tree. Waivers of inner maps
 * count.
 */
function waivedElements(
  set: MappingSet,
  map: CompiledMap,
  law: CounterExample['law'],
  today: string,
): string[] {
  return map.rows.flatMap(({ row }) => {
    const inner = row.each === undefined ? undefined : set.maps.get(row.each);
    const below = inner
      ? waivedElements(set, inner, law, today).map((element) => element.slice(element.indexOf('.')))
      : [];
    const { waiver } = row;
    const holds =
      waiver?.laws.includes(law) === true && (waiver.until === undefined || waiver.until >= today);
    const own =
      law === 'put-get'
        ? `.${/^_?\w+/.exec(row.fhir ?? '')?.[0] ?? ''}`
        : (row.v2 ?? row.xml ?? '').replace('-', '.');
    return holds ? [...below, own] : below;
  });
}

/** Read a tree, write what was read onto it: nothing may change. */
function brokenGetPut(map: CompiledMap, context: RunContext, assignments: readonly Assignment[]): string[] {
  const tree = buildTree(map, assignments);
  const before = leaves(snapshot(tree), '');
  const value = map.codec.read(startOf(map, tree), startRun(context).run);
  if (value !== undefined) map.codec.write(value, startOf(map, tree), startRun(context).run);
  const after = leaves(snapshot(tree), '');
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
}

/** Write a value onto nothing, and onto another tree; read it back: the same value. */
function brokenPutGet(
  map: CompiledMap,
  context: RunContext,
  assignments: readonly Assignment[],
  onto: readonly Assignment[],
): string[] {
  const value = map.codec.read(startOf(map, buildTree(map, assignments)), startRun(context).run);
  if (value === undefined) return [];
  return [buildTree(map, []), buildTree(map, onto)].flatMap((tree, at) =>
    at === 1 && onto.length === 0
      ? []
      : differences(map, context, value, tree).map((path) => (at === 0 ? path : `${path} (update)`)),
  );
}

function differences(map: CompiledMap, context: RunContext, value: Json, tree: TreeWriter): string[] {
  map.codec.write(value, startOf(map, tree), startRun(context).run);
  const back = map.codec.read(startOf(map, tree), startRun(context).run);
  const [wanted, answer] = isObject(value) ? [value, back] : [{ $this: value }, { $this: back }];
  const losses: Loss[] = carriedLosses(wanted, answer, map.fhirType, [], context.timeZone);
  return losses.filter(({ kind }) => kind !== 'derived').map(({ path, kind }) => `${path} ${kind}`);
}

/** Leaves out whatever is not needed to break the law. */
function shrink(
  assignments: readonly Assignment[],
  breaks: (candidate: readonly Assignment[]) => boolean,
): readonly Assignment[] {
  let smallest = assignments;
  for (const assignment of assignments) {
    const candidate = smallest.filter((it) => it !== assignment);
    if (breaks(candidate)) smallest = candidate;
  }
  return smallest;
}

function describe(tree: readonly Assignment[], onto: readonly Assignment[]): string[] {
  const line = (prefix: string) => (assignment: Assignment) =>
    `${prefix}${assignment.at.map(({ step, index }) => (index === 0 ? step : `${step}[${index + 1}]`)).join('.')} = ${assignment.text}`;
  return [...tree.map(line('')), ...onto.map(line('onto '))];
}

function leaves(value: unknown, path: string, found = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    if (value !== undefined) found.set(path, value);
    return found;
  }
  for (const [step, below] of Object.entries(value))
    leaves(below, path === '' ? step : `${path}.${step}`, found);
  return found;
}
