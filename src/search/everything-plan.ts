import type { Issue } from '../errors.ts';
import { careDateOf, isOfRecord, rolesOf } from '../fhir/everything.ts';
import type { EverythingQuery, SearchFilter, SearchQuery } from '../fhir/search-query.ts';

/** What the API promises, as far as a record is concerned. */
export interface EverythingRules {
  readonly types: readonly string[];
  searches(type: string): boolean;
  parameter(type: string, name: string): unknown;
}

/** One of the searches that a record is made of: resources of a type that refer to the patient by one parameter. */
export interface Step {
  readonly type: string;
  readonly role: string;
  /** Parameters by which others of the steps have found some of them already. */
  readonly before: readonly string[];
  /** Parameter of the date of care; absent: dates leave nothing out. */
  readonly date?: string;
}

export interface EverythingPlan {
  /** In the order in which the record is given: by type, then as the type's search orders. */
  readonly steps: readonly Step[];
  /** Types of the record that the API has, and that cannot be searched by patient. */
  readonly unsearched: readonly string[];
}

/** The searches of a whole record. */
export function planEverything(rules: EverythingRules): EverythingPlan {
  const types = rules.types.filter(isOfRecord).toSorted();
  const steps = types.flatMap((type) => (rules.searches(type) ? stepsOf(type, rules) : []));
  const searched = new Set(steps.map(({ type }) => type));
  return { steps, unsearched: types.filter((type) => !searched.has(type)) };
}

function stepsOf(type: string, rules: EverythingRules): Step[] {
  const isPromised = (name: string): boolean => rules.parameter(type, name) !== undefined;
  const roles = rolesOf(type, isPromised);
  const date = careDateOf(type, isPromised);
  return roles.map((role, at) => ({
    type,
    role,
    before: roles.slice(0, at),
    ...(date === undefined ? {} : { date }),
  }));
}

/** The search of a step. @param count largest page wanted of it */
export function searchOf(
  { type, role, date }: Step,
  patient: string,
  { start, end }: EverythingQuery,
  count: number,
): SearchQuery {
  const reference = `Patient/${patient}`;
  const dates = (['ge', 'le'] as const).flatMap((prefix, at) => {
    const text = [start, end][at];
    return date === undefined || text === undefined ? [] : [{ name: date, prefix, text }];
  });
  const filters: SearchFilter[] = [
    { name: role, type: 'reference', values: [{ text: reference, refType: 'Patient', refId: patient }] },
    ...dates.map(({ name, prefix, text }) => ({ name, type: 'date' as const, values: [{ text, prefix }] })),
  ];
  return {
    type,
    filters,
    sort: [],
    count,
    include: [],
    applied: [
      [role, reference],
      ...dates.map(({ name, prefix, text }) => [name, prefix + text] as const),
      ['_count', String(count)],
    ],
    ignored: [],
  };
}

/** Types that are asked for and are no part of a record here. */
export function strangersOf(
  types: EverythingQuery['types'],
  unsearched: readonly string[],
  isKnown: (type: string) => boolean,
): readonly string[] {
  return (types ?? []).filter((type) => !isKnown(type) && !unsearched.includes(type));
}

/** What the first page says of what no page has. */
export function issuesOfPlan(
  { steps, unsearched }: EverythingPlan,
  wanted: EverythingQuery,
  isKnown: (type: string) => boolean,
): Issue[] {
  const { start, end, types } = wanted;
  const isWanted = (type: string): boolean => types?.includes(type) ?? true;
  const left = unsearched.filter(isWanted);
  const strangers = strangersOf(types, unsearched, isKnown);
  const issues: Issue[] = [];
  if (strangers.length > 0) {
    const words = `No part of a record here: ${strangers.join(', ')}.`;
    issues.push({ severity: 'warning', code: 'not-supported', diagnostics: words, expression: ['_type'] });
  }
  if (left.length > 0) {
    const diagnostics = `Not searched by patient here, and not in this answer: ${left.join(', ')}.`;
    issues.push({ severity: 'information', code: 'not-supported', diagnostics });
  }
  if (start === undefined && end === undefined) return issues;
  const asked = steps.filter(({ type }) => isWanted(type));
  const dated = new Set(
    asked.flatMap(({ type, date }) => (date === undefined ? [] : [`${type} by ${date}`])),
  );
  const undated = new Set(asked.flatMap(({ type, date }) => (date === undefined ? [type] : [])));
  const diagnostics = [
    ...(dated.size > 0 ? [`start and end leave out of ${[...dated].join(', ')} what has another date, or none.`] : []), // prettier-ignore
    ...(undated.size > 0 ? [`They leave out nothing of ${[...undated].join(', ')}.`] : []),
  ].join(' ');
  if (diagnostics === '') return issues;
  return [...issues, { severity: 'information', code: 'informational', diagnostics, expression: ['start', 'end'] }]; // prettier-ignore
}
