import { isCodeText } from './code-text.ts';
import { primitiveFault } from '../fhir/primitives.ts';
import { decimalJson, decimalText } from '../fhir/json.ts';
import type { Json } from '../fhir/types.ts';
import { say, type Codec } from './codec.ts';
import type { PathSyntax } from './tree-path.ts';
import {
  formatFhirDate,
  formatFhirDateTime,
  formatHl7Date,
  formatHl7DateTime,
  formatXmlDateTime,
  instantOf,
  parseFhirTime,
  parseHl7Time,
  parseXmlTime,
  type Timestamp,
} from './time.ts';
import { valued, type TreeReader } from './tree.ts';
import type { Run } from './run.ts';

/** The values of `as`. `key` and `reference` are compiled in key.ts. */
export const PRIMITIVES = [
  'string',
  'code',
  'uri',
  'date',
  'dateTime',
  'instant',
  'time',
  'boolean',
  'yes-no',
  'integer',
  'positiveInt',
  'unsignedInt',
  'decimal',
  'base64',
  'key',
  'reference',
] as const;

export type Primitive = (typeof PRIMITIVES)[number];

/** Details of a row that a conversion heeds. */
export interface PrimitiveOptions {
  readonly syntax: PathSyntax;
  readonly from?: 'minute' | 'day' | undefined;
  readonly upto?: 'day' | undefined;
}

/** What a conversion gives: a value; `skip` for a text that is another row's business; or what is wrong with it. */
type Converted =
  /** `lost`: what of the text the value does not hold. */
  { readonly value: Json; readonly lost?: string } | { readonly skip: true } | { readonly wrong: string };

interface Conversion {
  readonly read: (text: string, run: Run) => Converted;
  /** undefined: this value cannot be said. */
  readonly write: (value: Json, run: Run) => string | undefined;
}

/** The `as` that a FHIR primitive type has by itself; undefined for a type that needs `each`. */
export function primitiveOf(type: string): Exclude<Primitive, 'key' | 'reference' | 'yes-no'> | undefined {
  return DEFAULTS.get(type);
}

const DEFAULTS = new Map<string, Exclude<Primitive, 'key' | 'reference' | 'yes-no'>>([
  ['string', 'string'],
  ['http://hl7.org/fhirpath/System.String', 'string'],
  ['markdown', 'string'],
  ['id', 'string'],
  ['code', 'code'],
  ['uri', 'uri'],
  ['url', 'uri'],
  ['canonical', 'uri'],
  ['oid', 'uri'],
  ['uuid', 'uri'],
  ['date', 'date'],
  ['dateTime', 'dateTime'],
  ['instant', 'instant'],
  ['time', 'time'],
  ['boolean', 'boolean'],
  ['integer', 'integer'],
  ['positiveInt', 'positiveInt'],
  ['unsignedInt', 'unsignedInt'],
  ['decimal', 'decimal'],
  ['base64Binary', 'base64'],
]);

/** Compiles the conversion between one text of the legacy tree and one FHIR primitive. */
export function primitiveCodec(
  as: Exclude<Primitive, 'key' | 'reference'>,
  options: PrimitiveOptions,
): Codec {
  const conversion = conversionOf(as, options);
  return {
    read(place: TreeReader, run: Run): Json | undefined {
      const text = place.text();
      if (!valued(text)) return undefined;
      const result = conversion.read(text, run);
      if ('value' in result) {
        if (result.lost !== undefined) run.lose('no-room', place.location(), result.lost);
        return result.value;
      }
      if ('wrong' in result) run.lose('invalid', place.location(), result.wrong);
      return undefined;
    },
    write(value, place, run) {
      const text = value === undefined ? undefined : conversion.write(value, run);
      return say(place, value, text);
    },
  };
}

function conversionOf(as: Exclude<Primitive, 'key' | 'reference'>, options: PrimitiveOptions): Conversion {
  switch (as) {
    case 'string':
      return { read: readText, write: textOf };
    case 'code':
      return { read: readCode, write: textOf };
    case 'uri':
      return { read: readPattern(URI, 'not a URI'), write: textOf };
    case 'base64':
      return { read: readPattern(BASE64, 'not base64'), write: textOf };
    case 'time':
      return options.syntax === 'xml' ? XML_TIME : HL7_CLOCK;
    case 'boolean':
      return options.syntax === 'xml' ? XML_BOOLEAN : YES_NO;
    case 'yes-no':
      return YES_NO;
    case 'integer':
      return integer(-2_147_483_648);
    case 'unsignedInt':
      return integer(0);
    case 'positiveInt':
      return integer(1);
    case 'decimal':
      return DECIMAL;
    case 'date':
    case 'dateTime':
    case 'instant':
      break;
  }
  return timeConversion(as, options);
}

const URI = /^\S+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function textOf(value: Json): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** FHIR R4 datatypes.html#string: something to see, and no control characters. */
function readText(text: string): Converted {
  const wrong = primitiveFault('string', text);
  return wrong === undefined ? { value: text } : { wrong };
}

function readCode(text: string): Converted {
  return isCodeText(text) ? { value: text } : { wrong: 'not a code' };
}

function readPattern(pattern: RegExp, wrong: string): Conversion['read'] {
  return (text) => (pattern.test(text) ? { value: text } : { wrong });
}

/** HL7 table 0136. */
const YES_NO: Conversion = {
  read: (text) =>
    text === 'Y' || text === 'N' ? { value: text === 'Y' } : { wrong: 'neither Y nor N (HL7 table 0136)' },
  write: (value) => (typeof value === 'boolean' ? (value ? 'Y' : 'N') : undefined),
};

const XML_BOOLEAN: Conversion = {
  read: (text) => {
    const word = text.trim();
    if (word === 'true' || word === '1') return { value: true };
    return word === 'false' || word === '0' ? { value: false } : { wrong: 'not an XML Schema boolean' };
  },
  write: (value) => (typeof value === 'boolean' ? String(value) : undefined),
};

const XML_TIME: Conversion = {
  read: (text) => {
    const match = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(\.\d+)?)?$/.exec(text.trim());
    return match
      ? { value: `${match[1]}:${match[2]}:${match[3] ?? '00'}${match[4] ?? ''}` }
      : { wrong: 'not a time' };
  },
  write: textOf,
};

/** HL7 `TM`, to the second. */
const HL7_CLOCK: Conversion = {
  read: (text) => {
    const match = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)?$/.exec(text);
    return match ? { value: `${match[1]}:${match[2]}:${match[3] ?? '00'}` } : { wrong: 'not a time' };
  },
  write: (value) =>
    typeof value === 'string' && /^\d\d:\d\d:\d\d$/.test(value) ? value.replaceAll(':', '') : undefined,
};

function integer(least: number): Conversion {
  return {
    read: (text) => {
      const digits = text.trim();
      const value = Number(digits);
      const fits = /^[+-]?\d+$/.test(digits) && value >= least && value <= 2_147_483_647;
      return fits ? { value: value === 0 ? 0 : value } : { wrong: `not an integer of at least ${least}` };
    },
    write: (value) => (typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined),
  };
}

/** Keeps the digits: `1.50` stays `1.50`. A leading plus sign and leading zeros, which JSON does not know, go. */
const DECIMAL: Conversion = {
  read: (text) => {
    const match = /^([+-]?)0*(\d+)?(\.\d+)?$/.exec(text.trim());
    const [, sign, whole, fraction] = match ?? [];
    const said = match !== null && /\d/.test(text);
    if (!said) return { wrong: 'not a number' };
    return { value: decimalJson(`${sign === '-' ? '-' : ''}${whole ?? '0'}${fraction ?? ''}`) };
  },
  write: decimalText,
};

function timeConversion(as: 'date' | 'dateTime' | 'instant', options: PrimitiveOptions): Conversion {
  const xml = options.syntax === 'xml';
  const parse = xml ? (text: string) => parseXmlTime(text.trim()) : parseHl7Time;
  return {
    read: (text, run) => {
      const time = parse(text);
      if (!time) return { wrong: 'not a date of the calendar' };
      if (options.from === 'minute' && time.minute === undefined) return { skip: true };
      if (options.from === 'day' && time.day === undefined) return { skip: true };
      if (as === 'date') return dateOnly(time, options);
      if (as === 'instant' && time.second === undefined)
        return { wrong: 'not precise enough for an instant' };
      const said = options.upto === 'day' ? formatFhirDate(time) : formatFhirDateTime(time, run.timeZone);
      return { value: said };
    },
    write: (value, run) => {
      const time = typeof value === 'string' ? parseFhirTime(value) : undefined;
      if (!time) return undefined;
      if (as === 'date') return xml ? formatFhirDate(time) : formatHl7Date(time);
      if (xml) return formatXmlDateTime(time, run.timeZone);
      return (time.fraction?.length ?? 0) > 4 ? undefined : formatHl7DateTime(time, run.timeZone);
    },
  };
}

function dateOnly(time: Timestamp, options: PrimitiveOptions): Converted {
  const exact = time.hour === undefined || options.upto === 'day';
  return { value: formatFhirDate(time), ...(exact ? {} : { lost: 'a date has no time of day' }) };
}

/** Whether two FHIR times are the same instant, said with the same precision or not; false when either is none. */
export function sameInstant(a: string, b: string, zone: string): boolean {
  const [first, second] = [parseFhirTime(a), parseFhirTime(b)];
  if (!first || !second) return false;
  const instant = instantOf(first, zone);
  return instant !== undefined && instant === instantOf(second, zone);
}
