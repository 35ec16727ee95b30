import { FicusError } from '../errors.ts';
import { findJsonFault, scanJson } from './json-scan.ts';
import type { Json, JsonObject, RawJson } from './types.ts';

/** FHIR resources nest, but not this deep; more is an attack on whatever recurses. */
const MAX_DEPTH = 100;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses JSON without losing a digit: a number whose text JavaScript would not give back (`1.50`, `1e2`, twenty digits)
 * becomes what `JSON.rawJSON` gives, and `JSON.stringify` writes it as it was read.
 *
 * @param text JSON text, or its bytes in UTF-8 (a byte order mark is skipped).
 * @param most members and items at most, of all objects and arrays together; default: any number
 * @throws FicusError `too-large`; `malformed` with line and column, never content, for: bytes that are not UTF-8, text
 * that is not JSON, a member name twice in one object, a member `__proto__`, nesting deeper than 100.
 */
export function parseJson(text: string | Uint8Array, most = Infinity): Json {
  const source = typeof text === 'string' ? text : decodeUtf8(text);
  const scan = scanJson(source);
  if (scan.depth > MAX_DEPTH) throw malformed(source);
  if (scan.commas >= most) throw new FicusError('too-large', `The body holds more than ${most} values`);
  let value: Json;
  try {
    value = (scan.exotic ? JSON.parse(source, keepDigits) : JSON.parse(source)) as Json;
  } catch (cause) {
    throw malformed(source, cause);
  }
  // JSON.parse lets the last of two equal names win; then there are fewer members than the text has.
  const members = countMembers(value);
  if (members !== scan.members) throw malformed(source);
  return value;
}

/** Writes JSON; decimals kept by parseJson come out digit by digit. */
export function stringifyJson(value: Json): string {
  return JSON.stringify(value);
}

/** An object: neither an array nor a number that kept its text. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** The digits of a JSON number as they were written (`1.50`); undefined when the value is no number. */
export function decimalText(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}

/**
 * A JSON number with exactly these digits, e.g. from a legacy core.
 * @throws FicusError `malformed` when the text is not a JSON number.
 */
export function decimalJson(text: string): number | RawJson {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) {
    throw new FicusError('malformed', 'A number is not written as JSON has it.');
  }
  const number = Number(text);
  return String(number) === text ? number : JSON.rawJSON(text);
}

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value;
  return String(value) === context.source ? value : JSON.rawJSON(context.source);
}

/** -1 when a member is named `__proto__`. */
function countMembers(value: Json): number {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const inner = countMembers(item);
      if (inner < 0) return -1;
      count += inner;
    }
    return count;
  }
  for (const name of Object.keys(value)) {
    if (name === '__proto__') return -1;
    const inner = countMembers(value[name]!);
    if (inner < 0) return -1;
    count += 1 + inner;
  }
  return count;
}

/** The text of a body. Throws FicusError `malformed` for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new FicusError('malformed', 'The body is not UTF-8 text.', { cause });
  }
}

function malformed(source: string, cause?: unknown): FicusError {
  const fault = findJsonFault(source, MAX_DEPTH);
  if (!fault) return new FicusError('malformed', 'The body is not JSON.', { cause });
  const before = source.slice(0, fault.at);
  const line = before.split('\n').length;
  const column = fault.at - before.lastIndexOf('\n');
  return new FicusError('malformed', `The body is not JSON: ${fault.what} (line ${line}, column ${column}).`);
}
