import { searchParametersOf } from '../../fhir/search-parameters.ts';
import type { SearchParamType } from '../../fhir/search-query.ts';
import { evaluable, type SearchParameter } from '../../search/parameter.ts';

/** A search parameter of one resource type that the index holds. */
export interface IndexedParameter {
  readonly code: string;
  readonly type: SearchParamType;
  readonly parameter: SearchParameter;
  /** string: its values are family names, each of whose parts is found. */
  readonly family: boolean;
  /** It has no rows of its own: others' say the same. */
  readonly derived?: Derived;
}

/**
 * What a parameter without rows is found by: all rows of `parts` (combo-code: code and component-code), or those rows
 * of a reference `part` that point at one type of resource (patient: subject).
 */
export type Derived =
  | { readonly kind: 'union'; readonly parts: readonly string[] }
  | { readonly kind: 'narrowed'; readonly part: string; readonly target: string };

/** Which parameters are indexed, by type; undefined: all that the standard defines. */
export type IndexedNames = (type: string) => readonly string[] | undefined;

/** Answered from the resource's own row. */
const OWN_COLUMNS: readonly string[] = ['_id', '_lastUpdated'];

/** A composite is found by its parts; `special` ones cannot be evaluated. */
const NOT_INDEXED: readonly SearchParamType[] = ['composite', 'special'];

/** Types of which a union can be asked for part by part; dates are sorted by their own rows. */
const UNITED: readonly SearchParamType[] = ['token', 'quantity', 'number'];

/** The parameters of a type that have rows in the index, with those that a composite consists of. */
export function indexedParameters(type: string, names: IndexedNames): readonly IndexedParameter[] {
  const wanted = names(type);
  const all = [type, 'DomainResource', 'Resource'].flatMap((base) => searchParametersOf(base));
  const chosen = new Set(wanted ?? all.map(({ code }) => code));
  for (const { code, components = [] } of all) {
    if (chosen.has(code)) for (const component of components) chosen.add(component.code);
  }
  const own = [...chosen].sort().flatMap((code): IndexedParameter[] => {
    const parameter = OWN_COLUMNS.includes(code) ? undefined : evaluable(type, code);
    if (!parameter || NOT_INDEXED.includes(parameter.definition.type)) return [];
    const family = parameter.definition.expression?.endsWith('.family') === true;
    return [{ code, type: parameter.definition.type, parameter, family }];
  });
  const byExpression = new Map(own.map((it) => [it.parameter.definition.expression, it]));
  return own.map((it) => {
    const derived = derivedOf(it, byExpression);
    return derived ? { ...it, derived } : it;
  });
}

const NARROWED = /^(.+)\.where\(resolve\(\) is ([A-Z]\w+)\)$/;

function derivedOf(
  { type, parameter }: IndexedParameter,
  byExpression: ReadonlyMap<string | undefined, IndexedParameter>,
): Derived | undefined {
  const { expression = '' } = parameter.definition;
  if (type === 'reference') {
    const [, path, target] = NARROWED.exec(expression) ?? [];
    const part = path === undefined ? undefined : byExpression.get(path);
    return part?.type === 'reference' && target !== undefined
      ? { kind: 'narrowed', part: part.code, target }
      : undefined;
  }
  if (!UNITED.includes(type) || !expression.includes(' | ')) return undefined;
  const parts = expression.split(' | ').map((path) => byExpression.get(path));
  const alike = parts.every((part) => part?.type === type && !part.parameter.codeSystems);
  return alike && !parameter.codeSystems
    ? { kind: 'union', parts: parts.map((part) => part!.code) }
    : undefined;
}

/**
 * Whether `code` finds the references to patients that `patient` finds: then a search by it may use rows that are kept
 * by patient.
 */
export function isPatientParameter(type: string, code: string): boolean {
  if (code === 'patient') return evaluable(type, code) !== undefined;
  const own = evaluable(type, code)?.definition.expression;
  const patient = evaluable(type, 'patient')?.definition.expression;
  return own !== undefined && patient === `${own}.where(resolve() is Patient)`;
}

/** `Observation.code`: the name under which a parameter of a type is known in the file. */
export function parameterName(type: string, code: string): string {
  return `${type}.${code}`;
}
