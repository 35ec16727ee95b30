import type { CodeMap } from '../code-map.ts';
import { targetOf } from '../compile.ts';
import { definitionAt } from '../definitions.ts';
import { parseFhirPath } from '../fhir-path.ts';
import type { CompiledMap, SourceRow } from '../compiled-map.ts';
import type { MappingSet } from '../mapping-set.ts';
import { createMemoryTree } from '../memory-tree.ts';
import { primitiveOf, type Primitive } from '../primitive.ts';
import type { RunContext } from '../run.ts';
import { parseTreePath } from '../tree-path.ts';
import type { Step, TreeWriter } from '../tree.ts';
import type { Random } from './random.ts';
import { samplesOf } from './samples.ts';

/** One text at one place: a generated tree is a list of these, so that a counter-example can be made smaller. */
export interface Assignment {
  readonly at: readonly { readonly step: Step; readonly index: number }[];
  readonly text: string;
}

export interface GenerateOptions {
  readonly set: MappingSet;
  readonly context: RunContext;
  readonly random: Random;
  /** Fill rows that are only read, too. */
  readonly readOnly: boolean;
}

/**
 * Makes up what the rows of a map may find: real codes and unknown ones, real dates and others, text in many scripts.
 */
export function generateTree(map: CompiledMap, options: GenerateOptions): Assignment[] {
  const made = fill(map, [], options);
  // Two rows may fill one place: the later says it.
  const byPlace = new Map(made.map((assignment) => [placeOf(assignment), assignment]));
  return [...byPlace.values()];
}

function placeOf({ at }: Assignment): string {
  let place = '';
  for (const { step, index } of at) place += `${step}[${index}]`;
  return place;
}

/** Builds the tree of a list of assignments. */
export function buildTree(map: CompiledMap, assignments: readonly Assignment[]): TreeWriter {
  const root = createMemoryTree(map.syntax === 'xml' ? 'xml' : 'hl7');
  for (const { at, text } of assignments) {
    let place = startOf(map, root);
    for (const { step, index } of at) place = place.child(step, index);
    place.set(text);
  }
  return root;
}

/** The place that a map reads: a data type stands in a field, a segment's group is the root. */
export function startOf(map: CompiledMap, root: TreeWriter): TreeWriter {
  return map.segments.length > 0
    ? root
    : map.syntax === 'xml'
      ? root.child(map.legacy)
      : root.child('ZZZ').child(1);
}

type At = Assignment['at'];

/** A row that may be filled, with what is the same each time. */
interface Filling {
  readonly source: SourceRow;
  readonly steps: readonly Step[];
  readonly repeats: boolean;
  readonly inner: CompiledMap | undefined;
}

const known = new WeakMap<CompiledMap, readonly Filling[]>();

function fillingsOf(map: CompiledMap, set: MappingSet): readonly Filling[] {
  const found = known.get(map);
  if (found) return found;
  const rowsAt = Map.groupBy(map.rows, ({ row }) => row.v2 ?? row.xml);
  const root = map.syntax === 'v2' && set.definitions.datatypes.has(map.legacy) ? map.legacy : undefined;
  const fillings = map.rows.flatMap((source): Filling[] => {
    const { row } = source;
    const legacy = row.v2 ?? row.xml;
    const also = rowsAt.get(legacy)!.length > 1;
    if (!legacy || row.only === 'write' || ((row.keep || row.drop) && also)) return [];
    const steps = parseTreePath(legacy, map.syntax, root);
    const part = map.syntax === 'v2' ? definitionAt(set.definitions, steps, root) : undefined;
    const inner = row.each === undefined ? undefined : set.maps.get(row.each);
    return [{ source, steps, repeats: part?.repeats === true && steps.length === 2, inner }];
  });
  known.set(map, fillings);
  return fillings;
}

function fill(map: CompiledMap, above: At, options: GenerateOptions): Assignment[] {
  return fillingsOf(map, options.set).flatMap((filling) => fillRow(map, filling, above, options));
}

function fillRow(map: CompiledMap, filling: Filling, above: At, options: GenerateOptions): Assignment[] {
  const { source, steps, repeats, inner } = filling;
  const { random } = options;
  if ((source.row.only === 'read' && !options.readOnly) || random.chance(0.4)) return [];
  const count = repeats && random.chance(0.4) ? 1 + random.int(3) : 1;
  return Array.from({ length: count }, (_, index) => {
    const at = [
      ...above,
      ...steps.map((step, depth) => ({ step, index: depth === steps.length - 1 ? index : 0 })),
    ];
    if (inner) return fill(inner, at, options);
    return texts(map, source, options).map(([below, text]) => ({
      at: [...at, ...below.map((step) => ({ step, index: 0 }))],
      text,
    }));
  }).flat();
}

/** Texts for the place of a row, with steps below it where the row reads a structure. */
function texts(map: CompiledMap, { row }: SourceRow, options: GenerateOptions): [Step[], string][] {
  const { random, set, context } = options;
  if (row.as === 'key' || row.as === 'reference' || row.const !== undefined) return [];
  if (row.keep || row.drop) return [[[], word(random)]];
  if (row.code !== undefined) return [[[], codeText(set.codes.get(row.code), options)]];
  switch (row.via) {
    case undefined:
      return [[[], primitiveText(primitiveOfRow(map, row.fhir!, row.as), map, options)]];
    case 'hd-system':
      return hdTexts(context, random, 1);
    case 'ei-system':
      return hdTexts(context, random, 2);
    case 'coding-system':
      return [[[], systemText(set.codes.get('coding-systems'), options)]];
    case 'pl-identifier':
      return [1, 2, 3, 4, 7, 8].filter(() => random.chance(0.5)).map((part) => [[part], word(random)]);
    case 'xpn-text':
      return [
        [[1], word(random)],
        [[2], word(random)],
      ];
    default:
      return samplesOf(row.via, random);
  }
}

function primitiveOfRow(map: CompiledMap, fhir: string, as: string | undefined): Primitive {
  return (
    (as as Primitive | undefined) ?? primitiveOf(targetOf(map.fhirType, parseFhirPath(fhir)).type) ?? 'string'
  );
}

const WORDS = [
  'Ada',
  'O’Neil',
  'Zoë',
  '王小明',
  'Müller-Lüdenscheidt',
  'a|b',
  'x^y',
  'R&D',
  'back\\slash',
  'til~de',
  'Q7',
  '0',
  'name',
];

function word(random: Random): string {
  return random.chance(0.8) ? random.pick(WORDS) : `${random.pick(WORDS)} ${random.pick(WORDS)}`;
}

function codeText(codes: CodeMap | undefined, { random, readOnly }: GenerateOptions): string {
  const writable = new Set((codes?.rows ?? []).filter((row) => row.only !== 'read').map((row) => row.v2));
  const known = [...(codes?.toFhir.keys() ?? [])].filter((code) => readOnly || writable.has(code));
  return known.length === 0 || (readOnly && random.chance(0.1)) ? `Q${random.int(100)}` : random.pick(known);
}

function systemText(codes: CodeMap | undefined, { random, readOnly }: GenerateOptions): string {
  const known = [...(codes?.toFhir.keys() ?? []), 'HL70002', '1.2.840.1', 'https://codes.example/x'];
  return readOnly && random.chance(0.1) ? 'L' : random.pick(known);
}

function hdTexts({ authorities }: RunContext, random: Random, first: number): [Step[], string][] {
  const authority = random.pick(authorities);
  const namespace: [Step[], string][] = [[[first], random.pick(authority.namespaces ?? ['ELSEWHERE'])]];
  const oid: [Step[], string][] = [
    [[first + 1], authority.oid ?? '1.2.99'],
    [[first + 2], 'ISO'],
  ];
  const unknown: [Step[], string][] = [[[first], 'ELSEWHERE']];
  const host: [Step[], string][] = [
    [[first + 1], 'ids.example.org'],
    [[first + 2], 'DNS'],
  ];
  return random.pick([
    namespace,
    oid,
    [...namespace, ...oid],
    unknown,
    host,
    [...unknown, ...host],
    [...unknown, ...oid],
  ]);
}

/** A text for a primitive; with `readOnly`, now and then one that is none. */
function primitiveText(as: Primitive, map: CompiledMap, { random, readOnly }: GenerateOptions): string {
  const xml = map.syntax === 'xml';
  const some = (good: readonly string[], bad: string): string =>
    readOnly && random.chance(0.1) ? bad : random.pick(good);
  switch (as) {
    case 'boolean':
    case 'yes-no':
      return some(xml && as === 'boolean' ? ['true', 'false', '1', '0'] : ['Y', 'N'], 'X');
    case 'integer':
    case 'positiveInt':
    case 'unsignedInt':
      return some(['1', '2', '17', '+3', '004', '2147483647'], 'x');
    case 'decimal':
      return some(['1', '1.50', '-0.10', '.5', '007.250', '12345678901234567890.12345'], 'x');
    case 'date':
    case 'dateTime':
    case 'instant':
      return some(xml ? XML_TIMES : HL7_TIMES, xml ? '2026-02-30' : '20260230');
    case 'time':
      return some(xml ? ['08:30', '23:59:59'] : ['0830', '235959'], '99');
    case 'base64':
      return some(['aGVsbG8=', 'AA=='], '?');
    case 'code':
      return random.pick(['A', 'b-1', 'C']);
    case 'uri':
      return some(['https://a.example/x', 'urn:oid:1.2.3'], 'a b');
    case 'string':
    case 'key':
    case 'reference':
      break;
  }
  return word(random);
}

const HL7_TIMES = [
  '1980',
  '198003',
  '19800315',
  '198003151230',
  '19800315123045',
  '20260329023000',
  '20261025023000',
  '20261025023000+0100',
  '20240229',
  '20260701120000.25',
  '20260701120000-0500',
];
const XML_TIMES = [
  '1980',
  '1980-03',
  '1980-03-15',
  '1980-03-15T12:30:00',
  '2026-10-25T02:30:00',
  '2026-07-01T12:00:00.250Z',
];
