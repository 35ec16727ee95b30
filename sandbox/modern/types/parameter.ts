import { dateTest, rangeOf, type Range } from '../dates.ts';
import { Failure } from '../failure.ts';
import { number, objects, string, type Json, type JsonObject, type Resource } from '../json.ts';

/** A test of one value; several values of a parameter are alternatives. */
export type Test = (resource: Resource) => boolean;

/** A search parameter (FHIR R4 search.html#ptypes). */
export interface Parameter {
  /** FHIR type, for the CapabilityStatement. */
  readonly type: 'token' | 'date' | 'reference' | 'quantity' | 'string';
  /** Modifiers that are served beside `missing`; a reference also takes the name of a type. */
  readonly modifiers: readonly string[];
  /** Throws Failure for a value that cannot be read. `not` is done by the caller. */
  readonly test: (value: string, base: string, modifier?: string) => Test;
  /** For `:missing`. */
  readonly present: Test;
  /** What `_sort` goes by, where it is served: the same resource may have another key from the latest on. */
  readonly key?: (resource: Resource, descending: boolean) => number | string | undefined;
}

interface Token {
  readonly system: string;
  readonly code: string;
}

export function tokenParameter(read: (resource: Resource) => readonly Token[]): Parameter {
  return {
    type: 'token',
    modifiers: ['not'],
    present: (resource) => read(resource).some((token) => token.code !== ''),
    test: (value) => {
      const matches = tokenTest(value);
      return (resource) => read(resource).some(matches);
    },
    key: (resource, descending) => {
      const codes = read(resource).map(({ code }) => code.toLowerCase());
      return (descending ? codes.toSorted().at(-1) : codes.toSorted()[0]) ?? undefined;
    },
  };
}

/** `system|code`, `|code`, `system|` or `code` (FHIR R4 search.html#token). */
function tokenTest(value: string): (token: Token) => boolean {
  const [first = '', second] = splitEscaped(value, '|');
  const code = second ?? first;
  return (token) =>
    (second === undefined || token.system === first) && (code === '' ? first !== '' : token.code === code);
}

/** The codings of CodeableConcepts. */
export function codings(value: Json | undefined): Token[] {
  return objects(value)
    .flatMap((concept) => objects(concept['coding']))
    .map(codingToken);
}

/** A Coding by itself. */
export function codingToken(coding: JsonObject): Token {
  return { system: string(coding['system']), code: string(coding['code']) };
}

/** Identifiers as tokens. */
export function identifiers(value: Json | undefined): Token[] {
  return objects(value).map((each) => ({ system: string(each['system']), code: string(each['value']) }));
}

/** An element of type `code`, of one code system. */
export function codeParameter(element: string, system: string): Parameter {
  return tokenParameter((resource) => [{ system, code: string(resource[element]) }]);
}

/** `true` or `false`. */
export function booleanParameter(read: (resource: Resource) => boolean | undefined): Parameter {
  return tokenParameter((resource) => {
    const value = read(resource);
    return value === undefined ? [] : [{ system: '', code: String(value) }];
  });
}

/** @param only the one type that this parameter is about: `patient` looks at references to a Patient alone */
export function referenceParameter(
  read: (resource: Resource) => readonly (Json | undefined)[],
  only?: string,
): Parameter {
  const all = (resource: Resource): JsonObject[] =>
    read(resource)
      .flatMap(objects)
      .filter((each) => only === undefined || mayBe(each, only));
  return {
    type: 'reference',
    modifiers: ['identifier'],
    // A reference may say who is meant by an identifier or in words only.
    present: (resource) => all(resource).length > 0,
    test: (value, base, modifier) => {
      if (modifier === 'identifier') {
        const matches = tokenTest(value);
        return (resource) =>
          identifiers(all(resource).flatMap((each) => objects(each['identifier']))).some(matches);
      }
      const relative = (reference: string): string =>
        reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference;
      const asked = relative(value);
      const type = only ?? modifier;
      const wanted = asked.includes('/') || type === undefined ? asked : `${type}/${asked}`;
      return (resource) =>
        all(resource)
          .map((each) => relative(string(each['reference'])))
          .some(
            (reference) =>
              reference !== '' &&
              (reference === wanted || (!wanted.includes('/') && reference.endsWith(`/${wanted}`))),
          );
    },
  };
}

/** What does not say its type may be of any. */
function mayBe(reference: JsonObject, type: string): boolean {
  const said = string(reference['type']);
  if (said !== '') return said === type;
  const [, named] =
    /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/[^/]+)?$/.exec(string(reference['reference'])) ?? [];
  return named === undefined || named === type;
}

export function dateParameter(name: string, read: (resource: Resource) => Range | undefined): Parameter {
  return {
    type: 'date',
    modifiers: [],
    present: (resource) => read(resource) !== undefined,
    test: (value) => {
      const test = dateTest(name, value);
      return (resource) => {
        const range = read(resource);
        return range !== undefined && test(range);
      };
    },
    key: (resource, descending) => {
      const range = read(resource);
      return descending ? range?.end : range?.start;
    },
  };
}

/** The stretch of time of the first of these elements that is there: a date, dateTime, instant or Period. */
export function timeOf(resource: Resource, ...elements: readonly string[]): Range | undefined {
  for (const element of elements) {
    const text = string(resource[element]);
    if (text !== '') return rangeOf(text);
    const [period] = objects(resource[element]);
    if (period) {
      return {
        start: rangeOf(string(period['start']))?.start ?? Number.NEGATIVE_INFINITY,
        end: rangeOf(string(period['end']))?.end ?? Number.POSITIVE_INFINITY,
      };
    }
  }
  return undefined;
}

/** Case and accents do not count (FHIR R4 search.html#string). */
const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

export function stringParameter(read: (resource: Resource) => readonly (Json | undefined)[]): Parameter {
  const texts = (resource: Resource): string[] =>
    read(resource)
      .map(string)
      .filter((text) => text !== '');
  return {
    type: 'string',
    modifiers: ['exact', 'contains'],
    present: (resource) => texts(resource).length > 0,
    test: (value, _base, modifier) => {
      const [plain = ''] = splitEscaped(value, '\0');
      const folded = fold(plain);
      if (modifier === 'exact') return (resource) => texts(resource).includes(plain);
      if (modifier === 'contains')
        return (resource) => texts(resource).some((text) => fold(text).includes(folded));
      return (resource) => texts(resource).some((text) => fold(text).startsWith(folded));
    },
    key: (resource) => {
      const [first] = texts(resource);
      return first === undefined ? undefined : fold(first);
    },
  };
}

/** `[prefix]number|system|code` (FHIR R4 search.html#quantity); a bare number covers half its last digit. */
export function quantityParameter(name: string, element: string): Parameter {
  return {
    type: 'quantity',
    modifiers: [],
    present: (resource) => objects(resource[element]).length > 0,
    test: (value) => quantityTest(name, element, value),
  };
}

function quantityTest(name: string, element: string, value: string): Test {
  const [amount = '', system, code] = splitEscaped(value, '|');
  const [, prefix = 'eq', digits] = /^(eq|ne|gt|lt|ge|le|ap)?(-?\d+(?:\.\d+)?)$/.exec(amount) ?? [];
  if (digits === undefined) throw new Failure(400, 'value', `${name}: not a quantity`);
  const asked = Number(digits);
  const places = digits.split('.')[1]?.length ?? 0;
  const margin = prefix === 'ap' ? Math.abs(asked) / 10 : 0.5 * 10 ** -places;
  const near = (found: number): boolean => found >= asked - margin && found < asked + margin;
  const compare: Readonly<Record<string, (found: number) => boolean>> = {
    eq: near,
    ap: (found) => Math.abs(found - asked) <= margin,
    ne: (found) => !near(found),
    gt: (found) => found > asked,
    lt: (found) => found < asked,
    ge: (found) => found >= asked,
    le: (found) => found <= asked,
  };
  return (resource) =>
    objects(resource[element]).some((quantity) => {
      const found = number(quantity['value']);
      if (found === undefined || !compare[prefix]?.(found)) return false;
      if (code === undefined || code === '') return true;
      return system === ''
        ? quantity['code'] === code || quantity['unit'] === code
        : quantity['system'] === system && quantity['code'] === code;
    });
}

/** Splits at a separator that is not escaped with `\`, and takes the escapes off (FHIR R4 search.html#escaping). */
export function splitEscaped(text: string, separator: string, keepEscapes = false): string[] {
  const parts = [''];
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i] ?? '';
    if (character === '\\' && i + 1 < text.length) {
      i += 1;
      parts[parts.length - 1] += (keepEscapes ? character : '') + (text[i] ?? '');
    } else if (character === separator) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}
