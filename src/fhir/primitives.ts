import { decimalText } from './json.ts';
import type { Json } from './types.ts';

/** FHIR R4 datatypes.html#string: no longer than 1 MB. */
const MAX_STRING = 1024 * 1024;

const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const DATE = /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?$/;
const ZONE = /(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/;
/** What FHIR forbids: control characters below the space, but for tab, line feed and carriage return. */
const CONTROL = /[^\P{Cc}\t\n\r\u007f-\u009f]/u;

const MAX_WORD = 32;
const SPACE = 0x20;
const TILDE = 0x7e;

/** Whether a text can be a resource's logical id (FHIR R4 datatypes.html#id). */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** Whether a text is an R4 date that exists in the calendar; partial dates included. */
function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined || year === '0000') return false;
  if (day === undefined) return true;
  const days = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  return Number(day) <= days;
}

function isDateTime(text: string): boolean {
  return text.includes('T') ? isInstant(text) : isDate(text);
}

/** To the second at least, with a zone. */
function isInstant(text: string): boolean {
  const zone = ZONE.exec(text);
  return (
    zone !== null && text[10] === 'T' && isDate(text.slice(0, 10)) && TIME.test(text.slice(11, zone.index))
  );
}

function isString(text: string): boolean {
  return (
    isPlainWord(text) ||
    (/\S/.test(text) && !CONTROL.test(text) && text.length <= MAX_STRING && text.isWellFormed())
  );
}

/** Printable ASCII that begins with something to see, and is short: what most texts are, and right without a search. */
function isPlainWord(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_WORD || text.charCodeAt(0) === SPACE) return false;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < SPACE || code > TILDE) return false;
  }
  return true;
}

function isUri(text: string): boolean {
  return text !== '' && !/\s/.test(text) && !CONTROL.test(text) && text.isWellFormed();
}

function isCode(text: string): boolean {
  return /^\S+(?:\s\S+)*$/.test(text) && isString(text);
}

function isBase64(text: string): boolean {
  const packed = text.replaceAll(/\s/g, '');
  return packed.length > 0 && packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed);
}

function inRange(least: number): (text: string) => boolean {
  return (text) => {
    if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return false;
    const number = Number(text);
    return number >= least && number <= 2147483647;
  };
}

interface Primitive {
  readonly json: 'string' | 'number' | 'boolean';
  readonly valid: (text: string) => boolean;
  /** What a value must be, for a message. */
  readonly must: string;
}

const text = (valid: (text: string) => boolean, must: string): Primitive => ({ json: 'string', valid, must });
const whole = (least: number, must: string): Primitive => ({ json: 'number', valid: inRange(least), must });
const always = (): boolean => true;

/** FHIR R4 datatypes.html#primitive, by name. */
const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  base64Binary: text(isBase64, 'base64 (RFC 4648)'),
  boolean: { json: 'boolean', valid: always, must: 'true or false' },
  canonical: text(isUri, 'a canonical URL without spaces'),
  code: text(isCode, 'a code without leading, trailing or double spaces'),
  date: text(isDate, 'a date of the calendar: YYYY, YYYY-MM or YYYY-MM-DD'),
  dateTime: text(isDateTime, 'YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone'),
  decimal: { json: 'number', valid: always, must: 'a decimal number' },
  id: text(isId, '1 to 64 letters, digits, hyphens or dots'),
  instant: text(isInstant, 'YYYY-MM-DDThh:mm:ss with a zone'),
  integer: whole(-2147483648, 'a whole number of 32 bits'),
  markdown: text(isString, 'text that is not empty, without control characters, of at most 1 Mi characters'),
  oid: text((it) => /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/.test(it), 'an OID as urn:oid:'),
  positiveInt: whole(1, 'a whole number from 1'),
  string: text(isString, 'text that is not empty, without control characters, of at most 1 Mi characters'),
  time: text((it) => TIME.test(it), 'hh:mm:ss'),
  unsignedInt: whole(0, 'a whole number from 0'),
  uri: text(isUri, 'a URI without spaces'),
  url: text(isUri, 'a URL without spaces'),
  uuid: text(
    (it) => /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(it),
    'a UUID as urn:uuid:, in lower case',
  ),
  xhtml: text(isString, 'XHTML'),
};

/**
 * What is wrong with a primitive value of an R4 type; undefined when nothing is. Never repeats the value.
 * @throws Error when `type` is no primitive type.
 */
export function primitiveFault(type: string, value: Json): string | undefined {
  const primitive = PRIMITIVES[type];
  if (!primitive) throw new Error(`${type} is no primitive type`);
  const { json, valid, must } = primitive;
  const written =
    json === 'number'
      ? decimalText(value)
      : typeof value === json
        ? (value as string | boolean).toString()
        : undefined;
  if (written === undefined) return `must be a JSON ${json}: ${must}`;
  return valid(written) ? undefined : `must be ${must}`;
}
