import type { SearchFilter, SearchValue } from '../../src/fhir/search-query.ts';
import type { CodeMap } from '../../src/mapping/code-map.ts';
import type { InteractionFile } from '../../src/mapping/exchange-schema.ts';
import type { Authority } from '../../src/mapping/run.ts';
import { timeAt } from '../../src/mapping/time.ts';
import { parseTimeRange } from '../../src/search/dates.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';

type Param = InteractionFile['params'][string];

/** One text of a request: the path of its element, and the text. A path that is there twice repeats. */
export interface Criterion {
  readonly path: string;
  readonly text: string;
}

/**
 * What a filter is in a request. `criteria`: it narrows the search. `open`: the service cannot look for it, it is left
 * to the check of what comes back. `nothing`: no record of the service can match.
 */
export type Pushed = { readonly criteria: readonly Criterion[] } | 'open' | 'nothing';

export interface CriteriaOptions {
  readonly authorities: readonly Authority[];
  readonly codes: ReadonlyMap<string, CodeMap>;
  /** IANA zone of the service's days. */
  readonly timeZone: string;
}

/** What a parameter of an interaction makes of its filters: several of a date are one range. */
export type Push = (filters: readonly SearchFilter[]) => Pushed;

/** Compiles a parameter. @throws Error naming what is missing. */
export function compilePush(name: string, param: Param, options: CriteriaOptions): Push {
  if (param.from !== undefined && param.to !== undefined)
    return pushRange(param.from, param.to, createZoneDays(options.timeZone));
  const { xml } = param;
  if (xml === undefined) return () => 'open';
  if (param.type === 'reference' && param.authority !== undefined) {
    const authorityPath = param.authority;
    return single((filter, value) => pushKey(filter, value, { ...param, xml, authorityPath }, options));
  }
  if (param.code !== undefined) {
    const codes = options.codes.get(param.code);
    if (!codes) throw new Error(`${name}: there is no code map ${param.code}`);
    return single((filter) => pushCodes(filter, xml, codes));
  }
  if (param.qualified) return single((_filter, value) => pushQualified(value, xml));
  return single((filter) => pushTexts(filter, xml, param.system));
}

function single(push: (filter: SearchFilter, value: SearchValue) => Pushed): Push {
  return ([filter]) => {
    const value = filter?.values[0];
    return filter && value ? push(filter, value) : 'open';
  };
}

/** A reference by key (`Patient/HOSP|100001`), or by identifier: a number and its registered authority. */
function pushKey(
  filter: SearchFilter,
  value: SearchValue,
  param: { readonly xml: string; readonly authorityPath: string; readonly of?: string | undefined },
  { authorities }: CriteriaOptions,
): Pushed {
  const found =
    filter.modifier === 'identifier' ? byIdentifier(value, authorities) : byKey(value, param.of, authorities);
  if (typeof found === 'string') return found;
  const { number, authority } = found;
  const namespace = authority.namespaces?.[0];
  if (namespace === undefined) return 'nothing';
  return {
    criteria: [
      { path: param.xml, text: number },
      { path: param.authorityPath, text: namespace },
    ],
  };
}

type Numbered = { readonly number: string; readonly authority: Authority };

function byKey(
  { refType, refId = '' }: SearchValue,
  type: string | undefined,
  authorities: readonly Authority[],
): Numbered | 'nothing' {
  const bar = refId.indexOf('|');
  const authority = authorities.find(({ name }) => bar > 0 && name === refId.slice(0, bar));
  const number = refId.slice(bar + 1);
  return !authority || number === '' || refType !== type ? 'nothing' : { number, authority };
}

function byIdentifier(
  { system, code }: SearchValue,
  authorities: readonly Authority[],
): Numbered | 'nothing' | 'open' {
  if (system === undefined || code === undefined) return 'open';
  const authority = authorityOf(system, authorities);
  return authority ? { number: code, authority } : 'nothing';
}

/** The registered authority of an `Identifier.system`. */
export function authorityOf(system: string, authorities: readonly Authority[]): Authority | undefined {
  return authorities.find(
    (it) => it.system === system || (it.oid !== undefined && system === `urn:oid:${it.oid}`),
  );
}

/** Every code of the service that reads as one asked for. A code without one leaves the whole filter open. */
function pushCodes({ values }: SearchFilter, path: string, map: CodeMap): Pushed {
  const criteria: Criterion[] = [];
  for (const value of values) {
    const codes = legacyCodes(value, map);
    if (codes.length === 0) return 'open';
    for (const text of codes) criteria.push({ path, text });
  }
  return { criteria };
}

function legacyCodes({ system, code }: SearchValue, map: CodeMap): string[] {
  if (code === undefined) return [];
  const known = [...map.toFhir]
    .filter(
      ([, it]) =>
        it.code === code && (system === undefined || it.system === undefined || it.system === system),
    )
    .map(([legacy]) => legacy);
  const isOwn = map.unknown === 'keep' && !map.toFhir.has(code) && (system ?? map.v2System) === map.v2System;
  return isOwn ? [...known, code] : known;
}

function pushQualified({ system, code }: SearchValue, path: string): Pushed {
  if (system === undefined || code === undefined) return 'open';
  return { criteria: [{ path, text: system === '' ? code : `${system}|${code}` }] };
}

function pushTexts({ values }: SearchFilter, path: string, system: string | undefined): Pushed {
  const criteria: Criterion[] = [];
  for (const value of values) {
    if (system !== undefined && value.system !== undefined && value.system !== system) continue;
    const text = value.code;
    if (text === undefined || text.trim() === '') return 'open';
    criteria.push({ path, text });
  }
  return criteria.length === 0 ? 'nothing' : { criteria };
}

/** Days of the zone's calendar that a range of time touches. */
interface ZoneDays {
  first(text: string): string | undefined;
  last(text: string): string | undefined;
}

function createZoneDays(timeZone: string): ZoneDays {
  const zone = createTimeZone(timeZone);
  const day = (nanoseconds: bigint): string | undefined => {
    const { year, month = 1, day: date = 1 } = timeAt(Number(nanoseconds / 1_000_000n), timeZone);
    if (year < 1 || year > 9999) return undefined;
    return `${String(year).padStart(4, '0')}-${two(month)}-${two(date)}`;
  };
  return {
    first(text) {
      const range = parseTimeRange(text, zone);
      return range && day(range.low);
    },
    last(text) {
      const range = parseTimeRange(text, zone);
      return range && day(range.high - 1n);
    },
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Bounds in days, both included: wider than any date that is asked for. */
function pushRange(fromPath: string, toPath: string, days: ZoneDays): Push {
  return (filters) => {
    let from: string | undefined;
    let to: string | undefined;
    for (const { values } of filters) {
      const [value] = values;
      if (!value || values.length > 1) continue;
      const { prefix = 'eq', text } = value;
      if (['eq', 'ge', 'gt', 'sa'].includes(prefix)) from = later(from, days.first(text));
      if (['eq', 'le', 'lt', 'eb'].includes(prefix)) to = earlier(to, days.last(text));
    }
    if (from !== undefined && to !== undefined && from > to) return 'nothing';
    const criteria: Criterion[] = [];
    if (from !== undefined) criteria.push({ path: fromPath, text: from });
    if (to !== undefined) criteria.push({ path: toPath, text: to });
    return criteria.length === 0 ? 'open' : { criteria };
  };
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}
