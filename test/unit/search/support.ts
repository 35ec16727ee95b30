import { FicusError } from '../../../src/errors.ts';
import { isResourceType } from '../../../src/fhir/elements.ts';
import { searchParameter } from '../../../src/fhir/search-parameters.ts';
import type { SearchFilter, SearchQuery } from '../../../src/fhir/search-query.ts';
import type { Endpoint, Resource } from '../../../src/fhir/types.ts';
import type { Clock, Logger, RequestContext } from '../../../src/ports.ts';
import { createPageSealer, type PageSealer } from '../../../src/search/page.ts';
import { parseSearch } from '../../../src/search/parse.ts';
import type { ParseOptions, SearchRules } from '../../../src/search/rules.ts';
import type { LegacySource, SourcePage, SourceSearch } from '../../../src/search/source.ts';
import { createTimeZone } from '../../../src/search/time-zone.ts';

export const NOW = Date.parse('2024-06-01T12:00:00Z');
export const UTC = createTimeZone('UTC');
export const BASE = 'https://ficus.example/fhir/r4';

/** Everything R4 defines is promised, with every modifier there is. */
export const everything: SearchRules = {
  serves: (type) => isResourceType(type),
  parameter: (type, name) =>
    searchParameter(type, name)
      ? { modifiers: ['missing', 'exact', 'contains', 'not', 'identifier'] }
      : undefined,
  include: () => true,
};

/** The same with references that may be followed backwards. */
export const everythingReversed: SearchRules = { ...everything, reverse: () => true };

export function options(change: Partial<ParseOptions> = {}): ParseOptions {
  return { rules: everything, handling: 'strict', maxCount: 100, base: BASE, ...change };
}

/** A query from its text, e.g. `family=eve&birthdate=ge1980`. */
export function query(type: string, text: string, change: Partial<ParseOptions> = {}): SearchQuery {
  const pairs = text === '' ? [] : text.split('&').map((pair) => splitPair(pair));
  return parseSearch(type, pairs, options(change));
}

/** Not decoded: what a test writes is what the parser sees. */
export function splitPair(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function testClock(start = NOW): TestClock {
  let now = start;
  return {
    now: () => now,
    after: () => () => undefined,
    advance: (ms) => {
      now += ms;
    },
  };
}

export function sealer(clock: Clock = testClock()): PageSealer {
  return createPageSealer({
    keys: [{ id: 'a', secret: new Uint8Array(32).fill(7) }],
    clock,
    lifetimeMs: 60_000,
  });
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

export function context(change: Partial<RequestContext> = {}): RequestContext {
  return {
    requestId: 'test',
    traceparent: '',
    principal: { key: 'anonymous' },
    signal: new AbortController().signal,
    deadline: NOW + 10_000,
    log: silent,
    timing: () => undefined,
    ...change,
  };
}

export interface FakeSource extends LegacySource {
  /** What it was asked, one line each. */
  readonly calls: string[];
  readonly abandoned: string[];
}

export interface FakeOptions {
  readonly endpoints?: readonly Endpoint[];
  readonly search?: SourceSearch;
  /** Which of all resources one native search returns, before it is cut to pages. */
  readonly answer?: (filters: readonly SearchFilter[], all: readonly Resource[]) => readonly Resource[];
  /** How many resources a page holds that was asked for with `count`; default: as many. */
  readonly size?: (count: number, pagesBefore: number) => number;
  /** Changes a page on its way out. */
  readonly page?: (page: SourcePage) => SourcePage;
}

/** A source over resources in memory; a cursor is an offset and how many pages came before it. */
export function fakeSource(resources: readonly Resource[], fake: FakeOptions = {}): FakeSource {
  const calls: string[] = [];
  const abandoned: string[] = [];
  const endpoints = fake.endpoints ?? ['Patient.read', 'Patient.search', 'Patient.create', 'Patient.update'];
  const { search = { filters: {}, anchors: [[]], maxPage: 10 }, answer = (_filters, all) => all } = fake;
  return {
    name: 'core',
    endpoints,
    calls,
    abandoned,
    searchOf: () => search,
    async read(type, key) {
      calls.push(`read ${type}/${key}`);
      const found = resources.find((it) => it.resourceType === type && it.id === key);
      if (!found) throw new FicusError('not-found', 'There is none.');
      return found;
    },
    async search(type, filters, { count, cursor }) {
      calls.push(`search ${type}?${describeFilters(filters)}${cursor === undefined ? '' : ` @${cursor}`}`);
      const all = answer(
        filters,
        resources.filter((it) => it.resourceType === type),
      );
      const [start = 0, serial = 0] = cursor?.split('.').map(Number) ?? [];
      const end = start + (fake.size?.(count, serial) ?? count);
      const next = end < all.length ? { next: `${end}.${serial + 1}` } : {};
      const page = { resources: all.slice(start, end), ...next };
      return fake.page ? fake.page(page) : page;
    },
    create: async (_type, resource) => ({ ...resource, id: 'HOSP|1' }),
    update: async (_type, key, resource) => ({ ...resource, id: key }),
    abandon: (_type, cursor) => void abandoned.push(cursor),
  };
}

export function describeFilters(filters: readonly SearchFilter[]): string {
  return filters
    .map(({ name, modifier, values }) => {
      const texts = values.map(({ prefix, text }) => `${prefix ?? ''}${text}`);
      return `${name}${modifier === undefined ? '' : `:${modifier}`}=${texts.join(',')}`;
    })
    .join('&');
}
