import { FicusError } from '../errors.ts';
import { searchParameter } from '../fhir/search-parameters.ts';
import type { SearchFilter, SearchQuery, SearchValue } from '../fhir/search-query.ts';
import { compartmentParameters } from './compartment.ts';
import type { Allowance } from './permissions.ts';

/**
 * A search that finds no more than it may, as far as search parameters can say it: so that pages are full, and a core
 * that must be told a patient is. What it finds is judged all the same.
 *
 * Where every allowance ends at one patient, that patient is added by the type's first compartment parameter
 * (`patient`, `subject`), unless the search names the patient in a role of its own choice. Constraints are added when
 * one parameter can say them.
 *
 * @throws FicusError `forbidden` for a search that names another patient: whether there is such a patient or not
 */
export function narrow(query: SearchQuery, allowances: readonly Allowance[]): SearchQuery {
  const patient = onlyPatient(allowances);
  if (patient !== undefined) refuseOthers(query, patient);
  const named = patient === undefined || query.filters.some((it) => names(query.type, it, patient));
  const added = [...(named ? [] : [filterOf(query.type, patient)]), ...commonConstraints(allowances)];
  if (added.length === 0) return query;
  const filters = [...query.filters, ...added];
  return { ...query, filters, applied: [...query.applied, ...added.map(appliedOf)] };
}

/** The one patient at whose compartment all allowances end. */
export function onlyPatient(allowances: readonly Allowance[]): string | undefined {
  const [first, ...others] = new Set(allowances.map(({ patient }) => patient));
  return others.length === 0 ? first : undefined;
}

/** Another patient than the one in context was named. It is said whether or not there is one. */
export function foreignPatient(): FicusError {
  return new FicusError('forbidden', 'This token is about one patient, and another one was asked for.');
}

function refuseOthers({ type, filters }: SearchQuery, patient: string): void {
  for (const filter of filters) {
    if (namedPatients(type, filter).some((id) => id !== patient)) throw foreignPatient();
  }
}

/** Logical ids of the patients that a filter asks for. */
function namedPatients(type: string, { name, type: kind, modifier, values }: SearchFilter): string[] {
  if (modifier !== undefined) return [];
  if (type === 'Patient' && name === '_id') return values.map(({ code, text }) => code ?? text);
  if (kind !== 'reference') return [];
  return values.flatMap(({ refType, refId }) => (refType === 'Patient' ? (refId ?? []) : []));
}

/** Whether a filter already says that what is found is the patient's. */
function names(type: string, filter: SearchFilter, patient: string): boolean {
  if (type === 'Patient' ? filter.name !== '_id' : !compartmentParameters(type).includes(filter.name))
    return false;
  const named = namedPatients(type, filter);
  return named.length === filter.values.length && named.every((id) => id === patient);
}

function filterOf(type: string, patient: string): SearchFilter {
  if (type === 'Patient') return { name: '_id', type: 'token', values: [{ text: patient, code: patient }] };
  const name = compartmentParameters(type).find((it) => {
    const targets = searchParameter(type, it)?.targets;
    return !targets || targets.includes('Patient');
  });
  if (name === undefined) throw new FicusError('internal', `${type} is in no compartment.`);
  const value = { text: `Patient/${patient}`, refType: 'Patient', refId: patient };
  return { name, type: 'reference', values: [value] };
}

/**
 * Constraints that hold of everything that may be found: those of the only allowance, or one parameter whose values are
 * those of each.
 */
function commonConstraints(allowances: readonly Allowance[]): readonly SearchFilter[] {
  const [first, ...others] = allowances;
  if (!first || others.length === 0) return first?.constraints ?? [];
  const single = allowances.flatMap(({ constraints }) => (constraints.length === 1 ? constraints : []));
  const [filter] = single;
  if (!filter || single.length < allowances.length) return [];
  if (single.some(({ name, modifier }) => name !== filter.name || modifier !== undefined)) return [];
  return [{ ...filter, values: single.flatMap(({ values }) => values) }];
}

function appliedOf({ name, modifier, type, values }: SearchFilter): readonly [string, string] {
  const written = values.map((value) => (value.prefix ?? '') + textOf(type, modifier, value)).join(',');
  return [modifier === undefined ? name : `${name}:${modifier}`, written];
}

/** Types whose `text` has lost its escapes. */
const UNESCAPED: readonly string[] = ['string', 'uri', 'reference'];

function textOf(type: string, modifier: string | undefined, { text }: SearchValue): string {
  const raw = !UNESCAPED.includes(type) || modifier === 'identifier' || modifier === 'missing';
  return raw ? text : text.replace(/[\\,$|]/g, '\\$&');
}
