import type { SearchFilter, SearchValue } from '../../../src/fhir/search-query.ts';
import type { CodeMap } from '../../../src/mapping/code-map.ts';
import type { InteractionFile } from '../../../src/mapping/exchange-schema.ts';
import type { Authority } from '../../../src/mapping/run.ts';
import { parseFhirTime } from '../../../src/mapping/time.ts';

export type Param = InteractionFile['params'][string];

/** One condition of a query: `@PID.5.1.1` (or a path of the request) and what it is to be. */
export interface Criterion {
  readonly field: string;
  readonly value: string;
}

/** One way in which a filter can hold. */
export interface Way {
  readonly criteria: readonly Criterion[];
  /**
   * The way in FHIR's terms, where a resource may hold in several ways: who matches it was found by it. Absent where
   * ways exclude each other.
   */
  readonly filter?: SearchFilter;
}

/**
 * The ways in which a filter can be asked for, one query each: a search that is exact or wider finds everything that
 * matches the filter by asking all of them. Undefined: it cannot be asked for.
 */
export type Ask = (filter: SearchFilter) => readonly Way[] | undefined;

export interface AskOptions {
  readonly authorities: readonly Authority[];
  readonly codes: ReadonlyMap<string, CodeMap>;
}

/** Compiles the parameters of an interaction. @throws Error naming what a parameter names that is not there. */
export function compileAsks(
  params: InteractionFile['params'],
  options: AskOptions,
): ReadonlyMap<string, Ask> {
  const asks = new Map<string, Ask>();
  for (const [name, param] of Object.entries(params))
    asks.set(name, compileAsk(name, param, params, options));
  return asks;
}

function compileAsk(name: string, param: Param, params: InteractionFile['params'], options: AskOptions): Ask {
  if (param.any) {
    const others = param.any.map((other) => {
      const found = params[other];
      if (!found || found.any)
        throw new Error(`${name}: any names ${other}, which is no parameter with a field`);
      return { other, ask: compileAsk(other, found, params, options) };
    });
    return (filter) => {
      const ways = others.map(({ other, ask }) => {
        const renamed = { ...filter, name: other };
        return ask(renamed)?.map((way): Way => ({ ...way, filter: way.filter ?? renamed }));
      });
      return ways.every((way) => way !== undefined) ? ways.flat() : undefined;
    };
  }
  const { field } = param;
  if (field === undefined) throw new Error(`${name}: a parameter names a field, or others with any`);
  if (param.authority !== undefined) return askIdentifier(field, param.authority, options.authorities);
  if (param.code !== undefined) {
    const codes = options.codes.get(param.code);
    if (!codes) throw new Error(`${name}: there is no code map ${param.code}`);
    return askCode(field, codes);
  }
  if (param.type === 'date') return askDate(field, param);
  if (param.type === 'string') return askString(field, param);
  return ({ values: [value] }) => {
    const code = value?.code ?? value?.text;
    return code === undefined || code === '' ? undefined : [{ criteria: [{ field, value: code }] }];
  };
}

/**
 * A number with its authority, never without (IHE ITI-21 §3.21.4.1.2.2.1). A number alone is asked for in every
 * registered authority.
 */
function askIdentifier(field: string, authorityField: string, registered: readonly Authority[]): Ask {
  const authorities = askable(authorityField, registered);
  const way = (number: string, authority: Pick<Authority, 'namespaces' | 'oid'>): Way => ({
    criteria: [{ field, value: number }, ...authorityCriteria(authorityField, authority)],
  });
  return (filter) => {
    const [value] = filter.values;
    const number = value?.code;
    if (!value || number === undefined || number === '' || value.system === '') return undefined;
    if (value.system === undefined)
      return authorities.map((authority) => ({
        ...way(number, authority),
        filter: { ...filter, values: [{ text: value.text, system: authority.system, code: number }] },
      }));
    const authority = findAuthority(value.system, authorities);
    return authority && [way(number, authority)];
  };
}

/** The others belong to other backends: without namespace and OID no number here can be one of theirs. */
function askable(authorityField: string, registered: readonly Authority[]): readonly Authority[] {
  return registered.filter((it) => authorityCriteria(authorityField, it).length > 0);
}

/** The systems that numbers can be asked for in, by the parameters that take a number. */
export function systemsOf(
  params: InteractionFile['params'],
  registered: readonly Authority[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(params).flatMap(([name, { authority }]) =>
      authority === undefined ? [] : [[name, askable(authority, registered).map(({ system }) => system)]],
    ),
  );
}

/** The registered authority of a system; an OID speaks for itself. */
function findAuthority(
  system: string,
  authorities: readonly Authority[],
): Pick<Authority, 'namespaces' | 'oid'> | undefined {
  const registered = authorities.find(
    (it) => it.system === system || (it.oid !== undefined && system === `urn:oid:${it.oid}`),
  );
  const oid = /^urn:oid:([0-2](?:\.\d+)+)$/.exec(system)?.[1];
  return registered ?? (oid === undefined ? undefined : { oid });
}

/**
 * All parts of the assigning authority that are known: `@PID.3.4` stands for its namespace, universal id and type
 * (`@PID.3.4.1`, `.2`, `.3`); a field that names one part takes only that, and an OID comes with its type.
 */
export function authorityCriteria(
  field: string,
  { namespaces, oid }: Pick<Authority, 'namespaces' | 'oid'>,
): Criterion[] {
  const [, whole = field, part] = /^(@[A-Z][A-Z0-9]{2}\.\d+\.\d+)\.(\d)$/.exec(field) ?? [];
  const namespace = namespaces?.[0];
  const criteria: Criterion[] = [];
  if (namespace !== undefined && part !== '2') criteria.push({ field: `${whole}.1`, value: namespace });
  if (oid !== undefined && part !== '1')
    criteria.push({ field: `${whole}.2`, value: oid }, { field: `${whole}.3`, value: 'ISO' });
  return criteria;
}

/** Every legacy code that reads as the one asked for: they exclude each other. */
function askCode(field: string, codes: CodeMap): Ask {
  return ({ values: [value] }) => {
    const legacy = [...codes.toFhir].filter(([, { code }]) => code === value?.code).map(([v2]) => v2);
    return legacy.length === 0 ? undefined : legacy.map((code) => ({ criteria: [{ field, value: code }] }));
  };
}

/** A date as far as it was said: less than a day only with a wildcard behind it. */
function askDate(field: string, { wildcard, precision = 'day' }: Param): Ask {
  const least = { year: 4, month: 6, day: 8, minute: 8, second: 8 }[precision];
  return ({ values: [value] }) => {
    const digits = value && dayDigits(value);
    if (digits === undefined || digits.length < least) return undefined;
    if (digits.length === 8) return [{ criteria: [{ field, value: digits }] }];
    return wildcard === undefined ? undefined : [{ criteria: [{ field, value: digits + wildcard }] }];
  };
}

/** `1980`, `198003` or `19800315`; the time of day is left to the check of what comes back. */
function dayDigits({ text }: SearchValue): string | undefined {
  const day = text.slice(0, 10);
  return parseFhirTime(day) ? day.replaceAll('-', '') : undefined;
}

/**
 * Letters that a loose pattern holds: enough to be selective, few enough for a core that tries every way to match them.
 */
const MOST_LETTERS = 6;

/**
 * A text, and how it goes on: FHIR R4 search.html#string. What FHIR does not compare (punctuation, blanks) becomes a
 * wildcard. With `within` the pattern is loose: the text may begin anywhere (the second family name), and punctuation
 * may stand between any two letters (`oneill` is `O'Neill`).
 */
function askString(field: string, { wildcard, within }: Param): Ask {
  return (filter) => {
    const text = filter.values[0]?.text ?? '';
    if (text.trim() === '' || (wildcard === undefined && filter.modifier !== 'exact')) return undefined;
    const value = patternOf(text, { modifier: filter.modifier ?? '', wildcard: wildcard ?? '', within });
    return [{ criteria: [{ field, value }] }];
  };
}

interface PatternOptions {
  readonly modifier: string;
  readonly wildcard: string;
  readonly within: boolean;
}

function patternOf(text: string, { modifier, wildcard, within }: PatternOptions): string {
  if (modifier === 'exact') return within ? wildcard + text + wildcard : text;
  // One sigma of three forms, which cores compare as they are written.
  const plain = text.normalize('NFC').replace(/[\p{P}\p{M}\s\u03c2\u03c3\u03a3]+/gu, wildcard);
  const letters = Array.from(plain.replaceAll(wildcard, ''));
  const body = within ? letters.slice(0, MOST_LETTERS).join(wildcard) : plain;
  const front = within || modifier === 'contains' ? wildcard : '';
  return `${front}${body}${wildcard}`.replaceAll(wildcard + wildcard, wildcard);
}
