import { FicusError } from '../errors.ts';
import type { Pairs } from './url.ts';

/** Media type of every body Ficus writes (FHIR R4 http.html#mime-type). */
export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

const JSON_FORMATS: ReadonlySet<string> = new Set([
  'json',
  'text/json',
  'application/json',
  'application/fhir+json',
  'application/json+fhir',
]);
const ACCEPTED: ReadonlySet<string> = new Set(['*/*', 'application/*', 'text/json', 'application/json', 'application/fhir+json', 'application/json+fhir']); // prettier-ignore
const WRITTEN: ReadonlySet<string> = new Set([
  'application/json',
  'application/fhir+json',
  'application/json+fhir',
]);

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** `type/subtype` in lower case with its parameters. Quoted commas do not occur in media types we know. */
function parseMediaRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';');
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const mark = part.indexOf('=');
    if (mark === -1) continue;
    const value = part
      .slice(mark + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    parameters.set(part.slice(0, mark).trim().toLowerCase(), value.toLowerCase());
  }
  return { type: type.trim().toLowerCase(), parameters };
}

/** FHIR R4 http.html#version-parameter: 4.0 is what we speak; a range that does not name a version means it too. */
function isOurVersion(range: MediaRange): boolean {
  const version = range.parameters.get('fhirversion');
  return version === undefined || version === '4.0';
}

/** Ranges that hold what we write, the most specific first: that one counts (RFC 9110 §12.5.1). */
const RANGES = ['application/fhir+json', 'application/*', '*/*'];

/** What most clients say. */
const USUAL: ReadonlySet<string> = new Set(['*/*', 'application/json', 'application/fhir+json']);

function accepts(header: string): boolean {
  if (USUAL.has(header)) return true;
  const taken = new Map<string, boolean>();
  for (const part of header.split(',')) {
    const range = parseMediaRange(part);
    if (!ACCEPTED.has(range.type) || !isOurVersion(range)) continue;
    const quality = range.parameters.get('q');
    const takes = quality === undefined || Number(quality) > 0;
    taken.set(range.type, takes || taken.get(range.type) === true);
  }
  const range = RANGES.find((it) => taken.has(it));
  if (range !== undefined && taken.get(range) === true) return true;
  // Other names of JSON.
  return [...taken].some(([type, takes]) => takes && !RANGES.includes(type));
}

/**
 * Checks that the client takes JSON: `_format` wins over `Accept` (FHIR R4 http.html#parameters).
 * Throws `not-acceptable`.
 */
export function checkAccept(accept: string | undefined, format: string | undefined): void {
  if (format !== undefined) {
    // A "+" in a query that was not percent-encoded has become a space.
    const range = parseMediaRange(format.replace(' ', '+'));
    if (JSON_FORMATS.has(range.type) && isOurVersion(range)) return;
    throw new FicusError('not-acceptable', 'Answers are FHIR R4 JSON (application/fhir+json)', {
      expression: ['_format'],
    });
  }
  if (accept === undefined || accept === '' || accepts(accept)) return;
  throw new FicusError('not-acceptable', 'Answers are FHIR R4 JSON (application/fhir+json)', {
    expression: ['Accept'],
  });
}

interface BodyHeaders {
  readonly 'content-type'?: string | undefined;
  readonly 'content-encoding'?: string | undefined;
}

function checkCoding(headers: BodyHeaders, type: MediaRange): void {
  const charset = type.parameters.get('charset');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new FicusError('unsupported-media', 'Bodies are UTF-8', { expression: ['Content-Type'] });
  }
  const coding = headers['content-encoding']?.trim().toLowerCase();
  if (coding !== undefined && coding !== '' && coding !== 'identity') {
    throw new FicusError('unsupported-media', 'Compressed request bodies are not taken', {
      expression: ['Content-Encoding'],
      headers: { 'accept-encoding': 'identity' },
    });
  }
}

/** Checks that a written body is FHIR R4 JSON in UTF-8, uncompressed. Throws `unsupported-media`. */
export function checkFhirBody(headers: BodyHeaders): void {
  const type = parseMediaRange(headers['content-type'] ?? '');
  if (!WRITTEN.has(type.type) || !isOurVersion(type)) {
    throw new FicusError(
      'unsupported-media',
      'The body must be FHIR R4 JSON (Content-Type: application/fhir+json)',
      {
        expression: ['Content-Type'],
      },
    );
  }
  checkCoding(headers, type);
}

/** Checks the body of `POST _search` (FHIR R4 http.html#search). Throws `unsupported-media`. */
export function checkFormBody(headers: BodyHeaders): void {
  const type = parseMediaRange(headers['content-type'] ?? '');
  if (type.type !== 'application/x-www-form-urlencoded') {
    throw new FicusError(
      'unsupported-media',
      'The body of _search must be application/x-www-form-urlencoded',
      {
        expression: ['Content-Type'],
      },
    );
  }
  checkCoding(headers, type);
}

/** The parameters about the form of the answer, and all the others. */
export interface Presentation {
  readonly format: string | undefined;
  readonly pretty: boolean;
  readonly others: Pairs;
}

const PRESENTATION: ReadonlySet<string> = new Set(['_format', '_pretty']);

/**
 * Takes `_format` and `_pretty` out of the parameters. One without a value says nothing. Throws `parameter-invalid` for
 * a `_pretty` that is no boolean.
 */
export function takePresentation(pairs: Pairs): Presentation {
  if (!pairs.some(([name]) => PRESENTATION.has(name)))
    return { format: undefined, pretty: false, others: pairs };
  const given = (wanted: string): string | undefined =>
    pairs.findLast(([name, value]) => name === wanted && value !== '')?.[1];
  const pretty = given('_pretty');
  if (pretty !== undefined && pretty !== 'true' && pretty !== 'false') {
    throw new FicusError('parameter-invalid', 'This parameter takes true or false', {
      expression: ['_pretty'],
    });
  }
  return {
    format: given('_format'),
    pretty: pretty === 'true',
    others: pairs.filter(([name]) => !PRESENTATION.has(name)),
  };
}
