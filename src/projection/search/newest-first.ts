import type { SearchFilter, SearchQuery } from '../../fhir/search-query.ts';
import { isPatientParameter, parameterName } from '../index/parameters.ts';
import { joined, testOf, type Bound, type Condition, type Sql } from './condition.ts';
import type { FilterContext } from './filter.ts';

/** A search of one patient's resources, the latest first: what is asked most. */
export interface NewestFirst {
  /** Resources with a date, in order: `LIMIT ? OFFSET ?` are the last parameters. */
  readonly dated: (limit: number, offset: number) => Sql;
  /** How many there are of them. */
  readonly datedTotal: Sql;
  /** Those that meet the tests, without a date. */
  readonly undated: Sql;
}

/**
 * Reads the rows that are kept by patient and end of time backwards, instead of looking for the date of each resource
 * of the patient. undefined: the search is not of that kind.
 * @param conditions what the filters ask, in their order
 * @param bound what each resource must meet besides, its rid being `x.rid`
 */
export function newestFirst(
  { type, filters, sort }: Pick<SearchQuery, 'type' | 'filters' | 'sort'>,
  conditions: readonly Condition[],
  { number, indexed, targets }: FilterContext,
  bound: Sql,
): NewestFirst | undefined {
  const [key] = sort;
  if (!key?.descending || sort.length > 1) return undefined;
  const date = indexed(type, key.name);
  const param = number(parameterName(type, key.name));
  if (date?.type !== 'date' || param === undefined) return undefined;
  const at = filters.findIndex((filter) => isOnePatient(type, filter));
  const value = filters[at]?.values[0];
  if (value?.refId === undefined) return undefined;
  const [patient] = targets('Patient', value.refId);
  if (patient === undefined) return undefined;
  const others = joined([bound, ...conditions.toSpliced(at, 1).map((it) => testOf(it, 'x.rid'))], ' AND ');
  // The plus keeps SQLite from looking through all of the patient's rows for those of one resource.
  const later =
    'SELECT 1 FROM date_value e WHERE e.rid = x.rid AND e.param = x.param AND +e.patient = x.patient AND (e.high > x.high OR (e.high = x.high AND e.low > x.low))';
  const where = `x.patient = ? AND x.param = ? AND NOT EXISTS (${later}) AND ${others.text}`;
  const values: readonly Bound[] = [patient, param, ...others.values];
  const from = 'FROM date_value x INDEXED BY date_value_patient CROSS JOIN resource r ON r.rid = x.rid';
  return {
    dated: (limit, offset) => ({
      text: `SELECT x.rid AS rid ${from} WHERE ${where} ORDER BY x.high DESC, r.id LIMIT ? OFFSET ?`,
      values: [...values, limit, offset],
    }),
    datedTotal: {
      text: `SELECT count(*) FROM date_value x INDEXED BY date_value_patient WHERE ${where}`,
      values,
    },
    undated: {
      text: 'NOT EXISTS (SELECT 1 FROM date_value e WHERE e.rid = x.rid AND e.param = ?)',
      values: [param],
    },
  };
}

function isOnePatient(type: string, { name, modifier, chain, has, values }: SearchFilter): boolean {
  const plain = modifier === undefined && chain === undefined && has === undefined && values.length === 1;
  const [value] = values;
  return (
    plain &&
    (value?.refType ?? 'Patient') === 'Patient' &&
    (name === 'patient' || value?.refType === 'Patient') &&
    isPatientParameter(type, name)
  );
}
