/** A number whose digits JavaScript would lose (`1.50`): what `JSON.rawJSON` gives. */
interface RawNumber {
  readonly rawJSON: string;
}

export type Json = string | number | boolean | null | RawNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** An Observation as it is stored; treated as immutable. */
export type Resource = JsonObject & { readonly resourceType: string };

/** What TypeScript does not know yet of JSON (ECMAScript 2026, JSON.parse source text access). */
const Lossless = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: Json, context: { source?: string }) => Json): Json;
  rawJSON(text: string): RawNumber;
};

/** Parses JSON and keeps the digits of every number. Throws SyntaxError. */
export function parseJson(text: string): Json {
  return Lossless.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? Lossless.rawJSON(source)
      : value,
  );
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value);
}

export function isRaw(value: Json | undefined): value is RawNumber {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'rawJSON');
}

/** The objects of an element that may repeat, or not be there. */
export function objects(value: Json | undefined): readonly JsonObject[] {
  return (Array.isArray(value) ? (value as readonly Json[]) : [value]).filter(isObject);
}

export function string(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A number's value, whatever its form; undefined for anything else. */
export function number(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return isRaw(value) ? Number(value.rawJSON) : undefined;
}
