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
}

/** Which parameters are indexed, by type; undefined: all that the standard defines. */
export type IndexedNames = (type: string) => readonly string[] | undefined;

/** Answered from the resource's own row. */
const OWN_COLUMNS: readonly string[] = ['_id', '_lastUpdated'];

/** A composite is found by its parts; `special` ones cannot be evaluated. */
const NOT_INDEXED: readonly SearchParamType[] = ['composite', 'special'];

/** The parameters of a type that have rows in the index, with those that a composite consists of. */
export function indexedParameters(type: string, names: IndexedNames): readonly IndexedParameter[] {
  const wanted = names(type);
  const all = [type, 'DomainResource', 'Resource'].flatMap((base) => searchParametersOf(base));
  const chosen = new Set(wanted ?? all.map(({ code }) => code));
  for (const { code, components = [] } of all) {
    if (chosen.has(code)) for (const component of components) chosen.add(component.code);
  }
  return [...chosen].sort().flatMap((code) => {
    const parameter = OWN_COLUMNS.includes(code) ? undefined : evaluable(type, code);
    if (!parameter || NOT_INDEXED.includes(parameter.definition.type)) return [];
    const family = parameter.definition.expression?.endsWith('.family') === true;
    return [{ code, type: parameter.definition.type, parameter, family }];
  });
}

/**
 * Whether `code` of a type finds exactly the references to patients that `patient` finds: then a search by it may use rows that are kept by patient.
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
