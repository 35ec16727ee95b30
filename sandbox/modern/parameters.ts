import { dateTest, rangeOf, type Range } from './dates.ts';
import { Failure } from './failure.ts';
import { number, objects, string, type Json, type JsonObject, type Resource } from './json.ts';

/** A test of one value; several values of a parameter are alternatives. */
type Test = (resource: Resource) => boolean;

interface Parameter {
  readonly test: (value: string, base: string) => Test;
  /** For `:missing`. */
  readonly present: Test;
  /** FHIR type, for the CapabilityStatement. */
  readonly type: 'token' | 'date' | 'reference' | 'quantity';
  /** `:not` applies. */
  readonly not?: boolean;
}

/** The search parameters of Observation that are served (FHIR R4 observation.html#search). */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  _id: {
    type: 'token',
    test: (value) => (resource) => resource['id'] === value,
    present: () => true,
  },
  _lastUpdated: {
    type: 'date',
    test: (value) => {
      const test = dateTest('_lastUpdated', value);
      return (resource) => {
        const range = rangeOf(string(metaOf(resource)['lastUpdated']));
        return range !== undefined && test(range);
      };
    },
    present: () => true,
  },
  patient: referenceParameter((resource) => [resource['subject']], 'Patient'),
  subject: referenceParameter((resource) => [resource['subject']]),
  encounter: referenceParameter((resource) => [resource['encounter']], 'Encounter'),
  performer: referenceParameter((resource) => objects(resource['performer'])),
  code: tokenParameter((resource) => codings(resource['code'])),
  'combo-code': tokenParameter((resource) => [
    ...codings(resource['code']),
    ...objects(resource['component']).flatMap((component) => codings(component['code'])),
  ]),
  category: tokenParameter((resource) => codings(resource['category'])),
  identifier: tokenParameter((resource) =>
    objects(resource['identifier']).map((each) => ({
      system: string(each['system']),
      code: string(each['value']),
    })),
  ),
  status: tokenParameter((resource) => [
    { system: 'http://hl7.org/fhir/observation-status', code: string(resource['status']) },
  ]),
  date: {
    type: 'date',
    test: (value) => {
      const test = dateTest('date', value);
      return (resource) => {
        const range = effective(resource);
        return range !== undefined && test(range);
      };
    },
    present: (resource) => effective(resource) !== undefined,
  },
  'value-quantity': {
    type: 'quantity',
    test: quantityTest,
    present: (resource) => objects(resource['valueQuantity']).length > 0,
  },
};

interface Token {
  readonly system: string;
  readonly code: string;
}

function tokenParameter(read: (resource: Resource) => readonly Token[]): Parameter {
  return {
    type: 'token',
    not: true,
    present: (resource) => read(resource).some((token) => token.code !== ''),
    test: (value) => {
      const [first = '', second] = splitEscaped(value, '|');
      const code = second ?? first;
      return (resource) =>
        read(resource).some(
          (token) =>
            (second === undefined || token.system === first) &&
            (code === '' ? first !== '' : token.code === code),
        );
    },
  };
}

function codings(value: Json | undefined): Token[] {
  return objects(value)
    .flatMap((concept) => objects(concept['coding']))
    .map((coding) => ({ system: string(coding['system']), code: string(coding['code']) }));
}

function referenceParameter(
  read: (resource: Resource) => readonly (Json | undefined)[],
  only?: string,
): Parameter {
  const references = (resource: Resource): string[] =>
    read(resource)
      .flatMap(objects)
      .map((each) => string(each['reference']))
      .filter((reference) => reference !== '');
  return {
    type: 'reference',
    // A reference may say who is meant by an identifier or in words only.
    present: (resource) => read(resource).flatMap(objects).length > 0,
    test: (value, base) => {
      const relative = (reference: string): string =>
        reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference;
      const asked = relative(value);
      const wanted = asked.includes('/') || only === undefined ? asked : `${only}/${asked}`;
      return (resource) =>
        references(resource)
          .map(relative)
          .some(
            (reference) =>
              reference === wanted || (!wanted.includes('/') && reference.endsWith(`/${wanted}`)),
          );
    },
  };
}

/** When it was observed (`effective[x]`), as a stretch of time. */
export function effective(resource: Resource): Range | undefined {
  const text = string(resource['effectiveDateTime']) || string(resource['effectiveInstant']);
  if (text !== '') return rangeOf(text);
  const [period] = objects(resource['effectivePeriod']);
  if (!period) return undefined;
  return {
    start: rangeOf(string(period['start']))?.start ?? Number.NEGATIVE_INFINITY,
    end: rangeOf(string(period['end']))?.end ?? Number.POSITIVE_INFINITY,
  };
}

function metaOf(resource: Resource): JsonObject {
  return objects(resource['meta'])[0] ?? {};
}

/** `[prefix]number|system|code` (FHIR R4 search.html#quantity); a bare number covers half its last digit. */
function quantityTest(value: string): Test {
  const [amount = '', system, code] = splitEscaped(value, '|');
  const [, prefix = 'eq', digits] = /^(eq|ne|gt|lt|ge|le|ap)?(-?\d+(?:\.\d+)?)$/.exec(amount) ?? [];
  if (digits === undefined) throw new Failure(400, 'value', 'value-quantity: not a quantity');
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
    objects(resource['valueQuantity']).some((quantity) => {
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
