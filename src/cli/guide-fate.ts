import type { MappingSet } from '../mapping/mapping-set.ts';
import type { Row } from '../mapping/schema.ts';
import type { GuideTable, TableRow } from './guide.ts';

/**
 * What became of a row of the guide: a row of ours speaks of its field and its element; a file says why none does; or
 * neither.
 */
export type RowFate = 'mapped' | 'reasoned' | 'missing';

interface MapRow {
  readonly type: string;
  readonly row: Row;
}

/** What became of a row of a table. The guide writes elements in several ways; each is understood as it is meant. */
export function fateOf(set: MappingSet, table: GuideTable, { field, target: written }: TableRow): RowFate {
  const target = written.replaceAll(/\[\d+\]/g, '');
  if (table.reasoned?.test(target)) return 'reasoned';
  if (table.constant?.includes(field)) return 'mapped';
  const all = table.maps.flatMap((name): MapRow[] => {
    const map = set.maps.get(name);
    return map ? map.rows.map(({ row }) => ({ type: map.fhirType, row })) : [];
  });
  const speaking = all.filter(({ row }) => speaksOf(row, field));
  const made = speaking.filter(({ row }) => row.fhir && !row.drop);
  if (made.some(({ type, row }) => isTarget(type, row.fhir!, target, table.elsewhere?.[field])))
    return 'mapped';
  if (isByAnotherName(made, target) || isInside(speaking, target) || isConstant(all, target)) return 'mapped';
  return speaking.some(({ row }) => !row.fhir && row.why) ? 'reasoned' : 'missing';
}

/**
 * Whether a row names a field (`OBX-5`, `OBX-5.1`, `OBX.5` in `with`); a row about the whole segment is spoken of by
 * all that make something.
 */
function speaksOf(row: Row, field: string): boolean {
  if (!field.includes('-')) return row.fhir !== undefined && row.fhir !== null;
  const [segment, number] = field.split('-');
  const pattern = new RegExp(`(^|[^\\w-])${segment}[-.]${number}($|[^\\d])`);
  return [row.v2, row.when, row.unless, ...Object.values(row.with ?? {})].some((text) =>
    pattern.test(text ?? ''),
  );
}

/** The first element of a FHIR path, without what `where` and extensions say. */
function firstElement(path: string): string {
  return /^_?(\$?\w+)/.exec(path)?.[1] ?? path;
}

/**
 * Whether a path of a map is the element that a target names: at its beginning, below the map's inner structure, or of
 * the type that it names.
 */
function isTarget(type: string, fhir: string, target: string, elsewhere: string | undefined): boolean {
  if (elsewhere !== undefined && fhir.startsWith(elsewhere)) return true;
  const element = firstElement(fhir);
  const named = [...target.matchAll(/\b([A-Z]\w+)(?:\.(\w+))?/g)].map(([, of, part]) => ({ of, part }));
  if (named.some(({ of, part }) => of === type && (part === undefined || part === element))) return true;
  const [first = '', second = ''] = target.split(/[.(]/);
  if (first === '' || first === '$this' || element === first) return true;
  if (fhir === '$this') return first === 'generalPractitioner';
  return type.endsWith(`.${first}`) && (second === '' || element === second || named.length > 0);
}

/** Elements that stand for the whole of a part, or are spelt otherwise in the guide. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  $this: [
    'extension',
    'occurrenceTiming',
    'type',
    'priority',
    'container',
    'note',
    'collection',
    'condition',
  ],
  medication: ['medicationCodeableConcept', 'form', 'code'],
  medicationReference: ['ingredient'],
  occurrenceTiming: ['dosageInstruction'],
  occurenceTiming: ['occurrenceTiming'],
  occurrenceTIming: ['occurrenceTiming'],
  occurneceTiming: ['occurrenceTiming', 'dosageInstruction'],
  timing: ['dosageInstruction'],
  doseAndRate: ['dosageInstruction'],
  additionalInstruction: ['dosageInstruction'],
  text: ['dosageInstruction', 'note'],
  maxDosePerPeriod: ['dosageInstruction'],
  route: ['dosageInstruction', 'route'],
  site: ['dosageInstruction', 'site'],
  method: ['dosageInstruction', 'method'],
};

/**
 * Whether a row makes the element under another name, below a backbone that the guide leaves out, or by an extension.
 */
function isByAnotherName(made: readonly MapRow[], target: string): boolean {
  const outer = target.replace(/^component\[each\]\.|^dosageInstruction\./, '');
  const inner = [...outer.matchAll(/(?:[A-Z][A-Za-z]+|^note)\.([a-z]\w*)/g)].map((match) => match[1]!);
  const extended = /\bextension\b/.test(outer) ? ['extension'] : [];
  const elements = [firstElement(outer), ...inner, ...extended].flatMap((name) => [
    name,
    ...(SAME[name] ?? []),
  ]);
  return made.some(({ row: { fhir } }) =>
    elements.some((name) => firstElement(fhir!) === name || fhir!.includes(`${name}(`)),
  );
}

/** Whether a row of the resource inside a target makes it: `requester(PractitionerRole.organization(Organization))`. */
function isInside(speaking: readonly MapRow[], target: string): boolean {
  const types = [...target.matchAll(/\(([A-Z]\w+)\)/g)].map((match) => match[1]!);
  return speaking.some(({ type, row }) => types.includes(type) && row.v2 !== undefined && row.fhir);
}

/** What the guide says is always so needs no field: `intent`. */
function isConstant(all: readonly MapRow[], target: string): boolean {
  return /^intent\b/.test(target) && all.some(({ row }) => row.fhir === 'intent' && row.const !== undefined);
}
