import { FicusError } from '../errors.ts';
import { parseReference } from '../fhir/reference.ts';
import type { SearchParamType, SearchPrefix, SearchValue } from '../fhir/search-query.ts';
import { parseTimeRange } from './dates.ts';
import { parseDecimal } from './decimal.ts';
import { searchForms } from './text.ts';
import { createTimeZone } from './time-zone.ts';

/** One OR-ed value of a parameter, still escaped, and what is known about it. */
export interface RawValue {
  /** The parameter as the client wrote it, for errors. */
  readonly name: string;
  readonly type: SearchParamType;
  /** `exact`, `contains`, `identifier`, …; not the resource type of a reference. */
  readonly modifier?: string;
  readonly raw: string;
  /** token: `false` where `|` has no meaning: ContactPoint, boolean and uri elements. */
  readonly pipe?: boolean;
  readonly reference?: ReferenceSyntax;
}

interface ReferenceSyntax {
  /** Resource types the element may point at; absent: any. */
  readonly targets?: readonly string[];
  /** `subject:Patient=…`. */
  readonly modifierType?: string;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
}

const PREFIXED = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(.*)$/s;
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const utcZone = createTimeZone('UTC');

/**
 * Reads one value by the syntax of its parameter's type. `text` of a date, number or quantity is without its prefix.
 * @throws FicusError `parameter-invalid`, naming the parameter and never the value.
 * FHIR R4 search.html#ptypes
 */
export function parseValue(value: RawValue): SearchValue {
  const { name, raw, type, modifier } = value;
  if (raw === '') throw invalid(name, 'A value is empty.');
  if (modifier === 'missing') {
    if (raw !== 'true' && raw !== 'false') throw invalid(name, ':missing is true or false.');
    return { text: raw };
  }
  return PARSERS[modifier === 'identifier' ? 'token' : type](value);
}

const PARSERS: Readonly<Record<SearchParamType, (value: RawValue) => SearchValue>> = {
  token: parseToken,
  string: parseString,
  date: parseDate,
  number: parseNumber,
  quantity: parseQuantity,
  reference: parseReferenceValue,
  uri: ({ name, raw }) => ({ text: unescape(raw, name) }),
  composite: ({ raw }) => ({ text: raw }),
  special({ name }) {
    throw new FicusError('search-unsupported', `The search parameter ${name} is not supported.`, {
      expression: [name],
    });
  },
};

/** Splits at separators that no `\` stands before; the parts keep their escapes (FHIR R4 search.html#escaping). */
export function splitEscaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** What stands behind the escapes `\,` `\$` `\|` `\\`; anything else after a `\` is illegal. */
function unescape(text: string, name: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(.?)/gsu, (_whole, escaped: string) => {
    if (escaped === '' || !',$|\\'.includes(escaped)) {
      throw invalid(name, 'A \\ may stand only before a comma, $, | or another \\.');
    }
    return escaped;
  });
}

function parseToken({ name, raw, pipe }: RawValue): SearchValue {
  const parts = splitEscaped(raw, '|').map((part) => unescape(part, name));
  const [first = '', second, ...more] = parts;
  if (second === undefined) return { text: raw, code: first };
  if (pipe === false) throw invalid(name, 'This parameter has no system: its value is written without |.');
  if (more.length > 0 || (first === '' && second === '')) {
    throw invalid(name, 'A token is written code, system|code, |code or system|.');
  }
  return { text: raw, system: first, ...(second === '' ? {} : { code: second }) };
}

function parseString({ name, raw, modifier }: RawValue): SearchValue {
  const text = unescape(raw, name);
  // What vanishes when case, accents and punctuation are ignored would match everything.
  if (modifier !== 'exact' && searchForms(text).length === 0) {
    throw invalid(name, 'A string to search for needs a letter or a digit.');
  }
  return { text };
}

function parseDate({ name, raw }: RawValue): SearchValue {
  const { prefix, rest } = splitPrefix(raw);
  // A + that was not percent-encoded arrives as a space; before an offset nothing else can be meant.
  const text = rest.replace(/ (\d\d:\d\d)$/, '+$1');
  if (!parseTimeRange(text, utcZone)) {
    throw invalid(
      name,
      'A date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fff]] with an optional offset, after an optional prefix.',
    );
  }
  return { text, ...prefix };
}

function parseNumber({ name, raw }: RawValue): SearchValue {
  const { prefix, rest } = splitPrefix(raw);
  if (!parseDecimal(rest)) throw invalid(name, 'A number is expected, after an optional prefix.');
  return { text: rest, ...prefix };
}

function parseQuantity({ name, raw }: RawValue): SearchValue {
  const { prefix, rest } = splitPrefix(raw);
  const [number = '', system, code, ...more] = splitEscaped(rest, '|').map((part) => unescape(part, name));
  if (!parseDecimal(number) || more.length > 0 || (system !== undefined && code === undefined)) {
    throw invalid(
      name,
      'A quantity is written number, number|system|code or number||code, after an optional prefix.',
    );
  }
  return { text: rest, ...prefix, ...(system ? { system } : {}), ...(code ? { code } : {}) };
}

function splitPrefix(raw: string): { prefix: { prefix?: SearchPrefix }; rest: string } {
  const match = PREFIXED.exec(raw);
  return match
    ? { prefix: { prefix: match[1] as SearchPrefix }, rest: match[2]! }
    : { prefix: {}, rest: raw };
}

function parseReferenceValue({ name, raw, reference = {} }: RawValue): SearchValue {
  const { targets, modifierType, base } = reference;
  const text = unescape(raw, name);
  const local = base !== undefined && text.startsWith(`${base}/`) ? text.slice(base.length + 1) : text;
  if (FHIR_ID.test(local)) {
    const refType = modifierType ?? (targets?.length === 1 ? targets[0] : undefined);
    return { text: local, refId: local, ...(refType === undefined ? {} : { refType }) };
  }
  const parsed = parseReference(local);
  if (parsed?.kind === 'relative' && FHIR_ID.test(parsed.id) && parsed.versionId === undefined) {
    if (modifierType !== undefined && parsed.type !== modifierType) {
      throw invalid(name, 'The value names another type than the modifier.');
    }
    if (targets && !targets.includes(parsed.type))
      throw invalid(name, `It cannot refer to a ${parsed.type}.`);
    return { text: local, refType: parsed.type, refId: parsed.id };
  }
  if (parsed?.kind === 'absolute' || parsed?.kind === 'urn' || parsed?.kind === 'url') {
    if (modifierType === undefined) return { text: local };
    throw invalid(name, 'A resource type cannot be named together with an address on another server.');
  }
  throw invalid(name, 'A reference is written id, Type/id or as an absolute address, without a version.');
}

/** A value that cannot mean anything; the words never repeat it. */
export function invalid(name: string, why: string): FicusError {
  return new FicusError('parameter-invalid', `${name}: ${why}`, { expression: [name] });
}
