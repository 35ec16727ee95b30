import { FicusError, type Issue } from '../errors.ts';
import { isJsonObject, parseJson } from '../fhir/json.ts';
import { isResourceType } from '../fhir/elements.ts';
import { pipeBytes } from '../fhir/pipe-bytes.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirBody } from '../ports.ts';

type Pipe = Extract<FhirBody, { kind: 'pipe' }>;

/** A searchset Bundle of a modern service, taken apart. */
export interface ReadBundle {
  readonly matches: readonly Resource[];
  readonly included: readonly Resource[];
  readonly total?: number;
  readonly issues: readonly Issue[];
  /** Parameters of its `next` link. */
  readonly next?: readonly (readonly [string, string])[];
}

/**
 * Reads a piped body to its end and parses it, every digit kept.
 * @throws FicusError `too-costly` above `maxBytes`, `legacy-malformed` when it is no FHIR resource.
 */
export async function readPipe(body: Pipe, maxBytes: number): Promise<Resource> {
  const bytes = await pipeBytes(
    (sink) => body.pipe(sink),
    maxBytes,
    () => new FicusError('too-costly', 'The answer of the service is too large to be combined with others.'),
  );
  return parseResource(bytes);
}

/** @throws FicusError `legacy-malformed` when the resource is no searchset Bundle. */
export function readBundle(bundle: Resource): ReadBundle {
  if (bundle.resourceType !== 'Bundle') throw malformed();
  const entries = list(bundle['entry']);
  const ofMode = (wanted: string) =>
    entries.flatMap((entry) =>
      modeOf(entry) === wanted && isResource(entry['resource']) ? [entry['resource']] : [],
    );
  const next = list(bundle['link']).find((link) => link['relation'] === 'next')?.['url'];
  const { total } = bundle;
  return {
    matches: ofMode('match'),
    included: ofMode('include'),
    issues: ofMode('outcome').flatMap(issuesOf),
    ...(typeof total === 'number' ? { total } : {}),
    ...(typeof next === 'string' ? { next: parametersOf(next) } : {}),
  };
}

/** The issues of an OperationOutcome. */
function issuesOf(outcome: Resource): Issue[] {
  return list(outcome['issue']).map(({ severity, code, diagnostics, details, expression }): Issue => {
    const text =
      typeof diagnostics === 'string' ? diagnostics : isJsonObject(details) ? details['text'] : undefined;
    const paths = Array.isArray(expression) ? expression.filter((path) => typeof path === 'string') : [];
    return {
      severity:
        severity === 'information' || severity === 'error' || severity === 'fatal' ? severity : 'warning',
      code: typeof code === 'string' ? code : 'processing',
      ...(typeof text === 'string' ? { diagnostics: text } : {}),
      ...(paths.length > 0 ? { expression: paths } : {}),
    };
  });
}

function parseResource(bytes: Buffer): Resource {
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    throw malformed(cause);
  }
  if (!isResource(value)) throw malformed();
  return value;
}

function parametersOf(url: string): [string, string][] {
  const query = url.indexOf('?');
  return query < 0 ? [] : [...new URLSearchParams(url.slice(query + 1))];
}

/** An entry without a mode is a match, unless it is an OperationOutcome (FHIR R4 bundle.html#searchset). */
function modeOf(entry: JsonObject): string {
  const search = entry['search'];
  const mode = isJsonObject(search) ? search['mode'] : undefined;
  if (typeof mode === 'string') return mode;
  return isResource(entry['resource']) && entry['resource'].resourceType === 'OperationOutcome'
    ? 'outcome'
    : 'match';
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
}

function isResource(value: Json | undefined): value is Resource {
  return (
    isJsonObject(value) && typeof value['resourceType'] === 'string' && isResourceType(value['resourceType'])
  );
}

function malformed(cause?: unknown): FicusError {
  return new FicusError(
    'legacy-malformed',
    'A service answered with something that is not the FHIR it was asked for.',
    {
      cause,
    },
  );
}
