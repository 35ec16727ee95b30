import { FicusError, type Issue } from '../errors.ts';
import { isResourceType } from '../fhir/elements.ts';
import type { EverythingQuery, SearchQuery } from '../fhir/search-query.ts';
import { PAGE_PARAMETER } from './controls.ts';
import { parseTimeRange } from './dates.ts';
import { createTimeZone } from './time-zone.ts';
import { invalid } from './values.ts';

export interface ParseEverythingOptions {
  /** `Prefer: handling=`: an unknown parameter is an error, or left out and named. */
  readonly handling: 'strict' | 'lenient';
  /** Largest page, and the size of one that nobody gave a size. */
  readonly maxCount: number;
}

/** What is asked for, and what its links and pages say. */
export interface ParsedEverything {
  readonly query: SearchQuery;
  readonly everything: EverythingQuery;
}

const MAX_PARAMETERS = 60;
const DATE = /^\d{4}(-\d\d(-\d\d)?)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const UTC = createTimeZone('UTC');

/**
 * Reads the parameters of `Patient/[id]/$everything`, of an address or of a Parameters resource.
 *
 * @param id logical id; absent: of the patient in context
 * @param pairs name and value, decoded, in the order given
 * @throws FicusError `parameter-unknown` (strict), `parameter-invalid`, `too-costly` (more than 60 parameters)
 * FHIR R4 patient-operation-everything.html
 */
export function parseEverything(
  id: string | undefined,
  pairs: readonly (readonly [name: string, value: string])[],
  { handling, maxCount }: ParseEverythingOptions,
): ParsedEverything {
  if (pairs.length > MAX_PARAMETERS)
    throw new FicusError('too-costly', `This operation may have ${MAX_PARAMETERS} parameters.`);
  const values = new Map<string, string>();
  const types = new Set<string>();
  const applied: [string, string][] = [];
  const ignored: Issue[] = [];
  for (const [name, raw] of pairs) {
    const read = READERS.get(name);
    if (!read || (raw === '' && name !== PAGE_PARAMETER)) {
      ignored.push(ignoring(name, read ? 'It has no value and was ignored.' : 'It is not supported and was ignored.')); // prettier-ignore
      continue;
    }
    if (values.has(name) && name !== '_type') throw invalid(name, 'It may be given once only.');
    const value = read(raw, maxCount);
    values.set(name, value);
    if (name === '_type') for (const type of value.split(',')) types.add(type);
    if (name !== PAGE_PARAMETER) applied.push([name, value]);
  }
  if (handling === 'strict' && ignored.length > 0) throw unknown(ignored);
  const [start, end, since, page] = ['start', 'end', '_since', PAGE_PARAMETER].map((it) => values.get(it));
  return {
    query: {
      type: 'Patient',
      address: id === undefined ? 'Patient/$everything' : `Patient/${id}/$everything`,
      filters: [],
      sort: [],
      count: Number(values.get('_count') ?? maxCount),
      include: [],
      applied,
      ignored,
      ...(page === undefined ? {} : { page }),
    },
    everything: {
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      ...(since === undefined ? {} : { since }),
      ...(values.has('_type') ? { types: [...types].toSorted() } : {}),
    },
  };
}

/** Each checks one parameter, and gives the value that is really applied. */
const READERS: ReadonlyMap<string, (raw: string, maxCount: number) => string> = new Map([
  ['start', (raw: string) => dateOf('start', raw)],
  ['end', (raw: string) => dateOf('end', raw)],
  ['_since', sinceOf],
  ['_type', typesOf],
  ['_count', countOf],
  [PAGE_PARAMETER, (raw: string) => raw],
]);

function dateOf(name: string, raw: string): string {
  if (DATE.test(raw) && parseTimeRange(raw, UTC)) return raw;
  throw invalid(name, 'It is a date: YYYY, YYYY-MM or YYYY-MM-DD.');
}

/** A FHIR instant. @throws FicusError `parameter-invalid` */
export function sinceOf(raw: string): string {
  if (INSTANT.test(raw) && parseTimeRange(raw, UTC)) return raw;
  throw invalid('_since', 'It is an instant, with its offset: 2026-01-31T08:00:00Z.');
}

function typesOf(raw: string): string {
  if (raw.split(',').every(isResourceType)) return raw;
  throw invalid('_type', 'It names FHIR R4 resource types, with commas between them.');
}

/** Matches on a page, at least one. @throws FicusError `parameter-invalid` */
export function countOf(raw: string, maxCount: number): string {
  if (!/^\d{1,9}$/.test(raw) || Number(raw) === 0)
    throw invalid('_count', 'It is a whole number, 1 or more.');
  return String(Math.min(Number(raw), maxCount));
}

function ignoring(name: string, diagnostics: string): Issue {
  return { severity: 'warning', code: 'not-supported', diagnostics, expression: [name.slice(0, 100)] };
}

function unknown(ignored: readonly Issue[]): FicusError {
  const issues = ignored.map(({ code, expression }): Issue => ({
    severity: 'error',
    code,
    diagnostics:
      'This operation has no such parameter, or it has no value: it takes start, end, _since, _type and _count.',
    ...(expression ? { expression } : {}),
  }));
  return new FicusError('parameter-unknown', 'A parameter is not supported.', { issues });
}
