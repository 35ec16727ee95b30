import { Failure } from './failure.ts';
import { objects, string, type Json, type Resource } from './json.ts';
import { splitEscaped, type Test } from './types/parameter.ts';
import { parametersOf, type ResourceType } from './types/type.ts';
import type { Version } from './store.ts';

/** A search as it will be done. */
export interface Search {
  /** What is applied, for the links; without paging. */
  readonly applied: readonly (readonly [string, string])[];
  /** Names of parameters that are not known here. */
  readonly ignored: readonly string[];
  readonly matches: (resource: Resource) => boolean;
  readonly compare: ((a: Version, b: Version) => number) | undefined;
  readonly count: number;
  readonly offset: number;
  readonly project: (resource: Resource) => Resource;
  /** `_summary=count` or `_count=0`. */
  readonly countOnly: boolean;
}

const DEFAULT_COUNT = 50;
const MOST = 500;
const RESULT = ['_count', '_offset', '_sort', '_elements', '_summary', '_total', '_format', '_pretty'];
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

/**
 * Reads a search. Throws Failure 400 for a bad value, a modifier or a sort that is not served; parameters that are not
 * known are an error only when `strict`.
 * @param base the service's own base URL, which references may carry
 */
export function parseSearch(
  type: ResourceType,
  pairs: readonly (readonly [string, string])[],
  base: string,
  strict: boolean,
): Search {
  const parameters = parametersOf(type);
  const given = pairs.filter(([, value]) => value !== '');
  const single = (name: string): string | undefined => given.findLast(([key]) => key === name)?.[1];
  const applied: (readonly [string, string])[] = [];
  const ignored: string[] = [];
  const tests: Test[] = [];
  for (const [key, value] of given) {
    const [name = '', modifier] = key.split(':');
    if (RESULT.includes(name)) {
      if (name !== '_offset' && name !== '_count') applied.push([key, value]);
    } else if (Object.hasOwn(parameters, name)) {
      tests.push(testOf(type, name, modifier, value, base));
      applied.push([key, value]);
    } else ignored.push(key);
  }
  if (strict && ignored.length > 0) {
    throw new Failure(400, 'not-supported', `Search parameters that are not known: ${ignored.join(', ')}`);
  }
  const count = wholeNumber('_count', single('_count')) ?? DEFAULT_COUNT;
  const summary = single('_summary') ?? 'false';
  return {
    applied,
    ignored,
    matches: (resource) => tests.every((test) => test(resource)),
    compare: comparator(type, single('_sort') ?? type.order),
    count: Math.min(count, MOST),
    offset: wholeNumber('_offset', single('_offset')) ?? 0,
    project: projection(type, summary, single('_elements')),
    countOnly: summary === 'count' || count === 0,
  };
}

function testOf(
  type: ResourceType,
  name: string,
  modifier: string | undefined,
  value: string,
  base: string,
): Test {
  const parameter = parametersOf(type)[name];
  if (!parameter) throw new Failure(400, 'not-supported', `${name} is not known`);
  if (modifier === 'missing') {
    if (value !== 'true' && value !== 'false')
      throw new Failure(400, 'value', `${name}:missing is true or false`);
    return (resource) => parameter.present(resource) === (value === 'false');
  }
  const typed = parameter.type === 'reference' && /^[A-Z][A-Za-z]+$/.test(modifier ?? '');
  if (modifier !== undefined && !typed && !parameter.modifiers.includes(modifier)) {
    throw new Failure(400, 'not-supported', `${name}: the modifier is not served`);
  }
  const tests = splitEscaped(value, ',', true).map((each) => parameter.test(each, base, modifier));
  return modifier === 'not'
    ? (resource) => !tests.some((test) => test(resource))
    : (resource) => tests.some((test) => test(resource));
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Failure(400, 'value', `${name} is a whole number`);
  return Number(text);
}

/** What is equal is in the order of its numbers, else of its ids. */
function comparator(
  type: ResourceType,
  sort: string | undefined,
): ((a: Version, b: Version) => number) | undefined {
  if (sort === undefined) return undefined;
  const parameters = parametersOf(type);
  const keys = sort.split(',').map((each) => {
    const name = each.replace(/^-/, '');
    const key = Object.hasOwn(parameters, name) ? parameters[name]?.key : undefined;
    if (!key) throw new Failure(400, 'not-supported', '_sort: not known, or not served');
    return { key, descending: each.startsWith('-') };
  });
  const number = ({ resource }: Version): string => string(objects(resource['identifier'])[0]?.['value']);
  return (a, b) => {
    for (const { key, descending } of keys) {
      const order = compareKeys(key(a.resource, descending), key(b.resource, descending), descending);
      if (order !== 0) return order;
    }
    return compareKeys(number(a), number(b), false) || compareKeys(a.id, b.id, false);
  };
}

/** What has no key comes last, whatever the direction. */
function compareKeys(
  a: number | string | undefined,
  b: number | string | undefined,
  descending: boolean,
): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b === descending ? 1 : -1;
}

/** `_elements` and `_summary` (FHIR R4 search.html#elements, #summary), tagged SUBSETTED. */
function projection(
  type: ResourceType,
  summary: string,
  elements: string | undefined,
): (resource: Resource) => Resource {
  if (!['true', 'text', 'data', 'count', 'false'].includes(summary)) {
    throw new Failure(400, 'value', '_summary is true, text, data, count or false');
  }
  const wanted = elements?.split(',') ?? type.summary;
  const always = ['resourceType', 'id', 'meta', ...type.required];
  const named = wanted.map((each) => new RegExp(`^_?${RegExp.escape(each)}([A-Z]\\w*)?$`));
  const keep = (name: string): boolean => {
    if (always.includes(name)) return true;
    if (elements === undefined && summary === 'text') return name === 'text';
    if (elements === undefined && summary === 'data') return name !== 'text';
    return named.some((each) => each.test(name));
  };
  if (elements === undefined && (summary === 'false' || summary === 'count')) return (resource) => resource;
  return (resource) => {
    const [meta = {}] = objects(resource['meta']);
    const tag: readonly Json[] = [...objects(meta['tag']), SUBSETTED];
    const kept = Object.fromEntries(Object.entries(resource).filter(([name]) => keep(name)));
    return { ...kept, resourceType: resource.resourceType, meta: { ...meta, tag } };
  };
}
