import { Failure } from './failure.ts';
import { objects, string, type Json, type Resource } from './json.ts';
import { effective, PARAMETERS, splitEscaped } from './parameters.ts';
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
/** Summary elements of Observation in FHIR R4. */
const SUMMARY = [
  'identifier',
  'basedOn',
  'partOf',
  'status',
  'category',
  'code',
  'subject',
  'focus',
  'encounter',
];
const SUMMARY_PREFIXES = [
  'effective',
  'issued',
  'performer',
  'value',
  'component',
  'hasMember',
  'derivedFrom',
];

/**
 * Reads a search. Throws Failure 400 for a bad value, a modifier or a sort that is not served; parameters that are not
 * known are an error only when `strict`.
 * @param base the service's own base URL, which references may carry
 */
export function parseSearch(
  pairs: readonly (readonly [string, string])[],
  base: string,
  strict: boolean,
): Search {
  const given = pairs.filter(([, value]) => value !== '');
  const single = (name: string): string | undefined => given.findLast(([key]) => key === name)?.[1];
  const applied: (readonly [string, string])[] = [];
  const ignored: string[] = [];
  const tests: ((resource: Resource) => boolean)[] = [];
  for (const [key, value] of given) {
    const [name = '', modifier] = key.split(':');
    if (RESULT.includes(name)) {
      if (name !== '_offset' && name !== '_count') applied.push([key, value]);
    } else if (Object.hasOwn(PARAMETERS, name)) {
      tests.push(testOf(name, modifier, value, base));
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
    compare: comparator(single('_sort')),
    count: Math.min(count, MOST),
    offset: wholeNumber('_offset', single('_offset')) ?? 0,
    project: projection(summary, single('_elements')),
    countOnly: summary === 'count' || count === 0,
  };
}

function testOf(
  name: string,
  modifier: string | undefined,
  value: string,
  base: string,
): (resource: Resource) => boolean {
  const parameter = PARAMETERS[name];
  if (!parameter) throw new Failure(400, 'not-supported', `${name} is not known`);
  if (modifier === 'missing') {
    if (value !== 'true' && value !== 'false')
      throw new Failure(400, 'value', `${name}:missing is true or false`);
    return (resource) => parameter.present(resource) === (value === 'false');
  }
  const typed = parameter.type === 'reference' && /^[A-Z][A-Za-z]+$/.test(modifier ?? '');
  const negated = modifier === 'not' && parameter.not === true;
  if (modifier !== undefined && !typed && !negated) {
    throw new Failure(400, 'not-supported', `${name}: the modifier is not served`);
  }
  const values = splitEscaped(value, ',', true).map((each) =>
    typed && !each.includes('/') ? `${modifier}/${each}` : each,
  );
  const tests = values.map((each) => parameter.test(each, base));
  return negated
    ? (resource) => !tests.some((test) => test(resource))
    : (resource) => tests.some((test) => test(resource));
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Failure(400, 'value', `${name} is a whole number`);
  return Number(text);
}

type SortKey = (version: Version) => number | string | undefined;

const SORTS: Readonly<Record<string, SortKey>> = {
  date: ({ resource }) => effective(resource)?.start,
  _lastUpdated: ({ lastUpdated }) => lastUpdated,
  _id: ({ id }) => id,
  status: ({ resource }) => string(resource['status']),
};

function comparator(sort: string | undefined): ((a: Version, b: Version) => number) | undefined {
  if (sort === undefined) return undefined;
  const keys = sort.split(',').map((each) => {
    const name = each.replace(/^-/, '');
    const key = Object.hasOwn(SORTS, name) ? SORTS[name] : undefined;
    if (!key) throw new Failure(400, 'not-supported', `_sort: ${Object.keys(SORTS).join(', ')} are served`);
    return { key, direction: each.startsWith('-') ? -1 : 1 };
  });
  return (a, b) => {
    for (const { key, direction } of keys) {
      const order = compareKeys(key(a), key(b), direction);
      if (order !== 0) return order;
    }
    return a.id < b.id ? -1 : 1;
  };
}

/** What has no key comes last, whatever the direction. */
function compareKeys(
  a: number | string | undefined,
  b: number | string | undefined,
  direction: number,
): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -direction : direction;
}

/** `_elements` and `_summary` (FHIR R4 search.html#elements, #summary), tagged SUBSETTED. */
function projection(summary: string, elements: string | undefined): (resource: Resource) => Resource {
  if (!['true', 'text', 'data', 'count', 'false'].includes(summary)) {
    throw new Failure(400, 'value', '_summary is true, text, data, count or false');
  }
  const wanted = elements?.split(',');
  const always = ['resourceType', 'id', 'meta', 'status', 'code'];
  const keep = (name: string): boolean => {
    if (always.includes(name)) return true;
    if (wanted)
      return wanted.some(
        (each) => name === each || new RegExp(`^_?${RegExp.escape(each)}([A-Z]\\w*)?$`).test(name),
      );
    if (summary === 'text') return name === 'text';
    if (summary === 'data') return name !== 'text';
    return SUMMARY.includes(name) || SUMMARY_PREFIXES.some((prefix) => name.startsWith(prefix));
  };
  if (!wanted && (summary === 'false' || summary === 'count')) return (resource) => resource;
  return (resource) => {
    const [meta = {}] = objects(resource['meta']);
    const tag: readonly Json[] = [...objects(meta['tag']), SUBSETTED];
    const kept = Object.fromEntries(Object.entries(resource).filter(([name]) => keep(name)));
    return { ...kept, resourceType: resource.resourceType, meta: { ...meta, tag } };
  };
}
