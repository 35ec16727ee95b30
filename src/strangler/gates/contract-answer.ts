import { FicusError } from '../../errors.ts';
import { isJsonObject, parseJson } from '../../fhir/json.ts';
import { pipeBytes } from '../../fhir/pipe-bytes.ts';
import type { JsonObject, Resource } from '../../fhir/types.ts';
import type { FhirResponse } from '../../ports.ts';

const MOST_BYTES = 8 * 1024 * 1024;

/** What a backend answered, as far as the contract tests look at it. */
export interface CheckedAnswer {
  readonly status: number;
  /** An OperationOutcome came with it. */
  readonly explained: boolean;
  /** Of a search: what matched, as a Bundle says it. */
  readonly matches?: readonly Resource[];
  /** Of a search: its `self` link; absent where the backend leaves links to Ficus. */
  readonly self?: string;
  /** The body is a search's result. */
  readonly searchset?: boolean;
}

/**
 * Reads an answer to its end.
 * @throws FicusError `too-costly` over 8 MB, `legacy-malformed`, and what the body's source throws
 */
export async function readAnswer({ status, body }: FhirResponse): Promise<CheckedAnswer> {
  if (body.kind === 'none') return { status, explained: false };
  if (body.kind === 'searchset')
    return { status, explained: false, searchset: true, matches: body.set.matches };
  if (body.kind === 'resource') return answerOf(status, body.resource);
  const bytes = await pipeBytes(
    (sink) => body.pipe(sink),
    MOST_BYTES,
    () => new FicusError('too-costly', 'the answer is larger than 8 MB'),
  );
  return bytes.length === 0 ? { status, explained: false } : answerOf(status, resourceOf(bytes));
}

function answerOf(status: number, resource: Resource): CheckedAnswer {
  const explained = resource.resourceType === 'OperationOutcome';
  if (resource.resourceType !== 'Bundle') return { status, explained };
  const searchset = resource['type'] === 'searchset';
  const matches = objects(resource['entry'])
    .filter((entry) => !isJsonObject(entry['search']) || entry['search']['mode'] !== 'outcome')
    .filter((entry) => !isJsonObject(entry['search']) || entry['search']['mode'] !== 'include')
    .flatMap((entry) => (isResource(entry['resource']) ? [entry['resource']] : []));
  const self = objects(resource['link']).find(({ relation }) => relation === 'self')?.['url'];
  return { status, explained, searchset, matches, ...(typeof self === 'string' ? { self } : {}) };
}

function resourceOf(bytes: Buffer): Resource {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    throw new FicusError('legacy-malformed', 'the body is not JSON', { cause });
  }
  if (!isResource(value)) throw new FicusError('legacy-malformed', 'the body is no resource');
  return value;
}

function isResource(value: unknown): value is Resource {
  return isJsonObject(value as JsonObject) && typeof (value as JsonObject)['resourceType'] === 'string';
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value)
    ? value.filter((it) => isJsonObject(it as JsonObject)).map((it) => it as JsonObject)
    : [];
}
