import { hash } from 'node:crypto';
import { FicusError, toFicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
import { isJsonObject } from '../fhir/json.ts';
import { operationOutcome } from '../fhir/outcome.ts';
import type { Interaction, Json, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirResponse } from '../ports.ts';
import { locationOf, resourceOf } from './answer.ts';
import { collectResource } from './collect.ts';
import { parseIfMatch, parseIfNoneMatch } from './conditions.ts';
import type { Preferences } from './conditions.ts';
import { askedOf, parseAddress } from './interaction.ts';
import { takePresentation } from './negotiate.ts';
import { pairsOf } from './parameters.ts';
import { validatorsOf } from './perform.ts';
import type { Call, Performed } from './perform.ts';
import { refuseSenseless } from './preconditions.ts';
import { decodePairs, splitTarget } from './url.ts';

/** Entries of one batch that run at once, and that it may have. */
const CONCURRENCY = 4;
const MOST_ENTRIES = 200;
/**
 * Characters of JSON. A page of a search or of a record may have 16 Mi of them, and the whole answer becomes one text.
 */
const MOST_CHARACTERS = 32 * 1024 * 1024;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']);

export interface BatchOptions {
  readonly promised: (type: string) => readonly Interaction[] | undefined;
  readonly publicBase: string;
  readonly preferences: Preferences;
  /** Bytes of one streamed answer within the Bundle. */
  readonly maxEntryBytes: number;
  /**
   * Size of the answer, in characters of JSON, after which no further entry is read: writes are carried out all the
   * same. Default 32 Mi.
   */
  readonly maxSize?: number;
  /** `Idempotency-Key` of the batch: a repeat of it writes none of its entries again. */
  readonly idempotencyKey?: string | undefined;
  /** Told how many entries there are before one is carried out. Throws FicusError. */
  readonly begin?: (entries: number) => Promise<void>;
  /** Carries one entry out. Throws FicusError. */
  readonly perform: (call: Call) => Promise<Performed>;
}

function refuse(message: string, expression: string): FicusError {
  return new FicusError('invalid', message, { expression: [expression] });
}

function textOf(object: JsonObject, name: string, at: string): string | undefined {
  const value = object[name];
  if (value === undefined || typeof value === 'string') return value;
  throw refuse('This element is a string', `${at}.${name}`);
}

/**
 * The entries of a Bundle that can be run. Throws `invalid` for what is no batch, and `not-implemented` for a
 * transaction that more than one exchange would have to carry: there is no way to take the first back.
 */
export function entriesOf(bundle: Resource): readonly Json[] {
  if (bundle.resourceType !== 'Bundle') throw refuse('The base takes a Bundle of type batch', 'Bundle');
  const entries = bundle['entry'] ?? [];
  if (!Array.isArray(entries)) throw refuse('This element is a list', 'Bundle.entry');
  if (bundle['type'] === 'transaction' && entries.length > 1) {
    throw new FicusError(
      'not-implemented',
      'A transaction is carried out only where one exchange can carry all of it, that is with one entry; send a batch, whose entries succeed or fail each for itself. Nothing was done',
    );
  }
  if (bundle['type'] !== 'batch' && bundle['type'] !== 'transaction') {
    throw refuse('The base takes a Bundle of type batch', 'Bundle.type');
  }
  if (entries.length > MOST_ENTRIES) {
    throw new FicusError('too-costly', `A batch takes at most ${MOST_ENTRIES} entries`, {
      expression: ['Bundle.entry'],
    });
  }
  return entries;
}

/** Names that entries have within the Bundle alone. */
function urnsOf(entries: readonly Json[]): ReadonlySet<string> {
  const names = entries.map((entry) => (isJsonObject(entry) ? entry['fullUrl'] : undefined));
  return new Set(names.filter((it) => typeof it === 'string').filter((it) => it.startsWith('urn:')));
}

/** Nobody would put an id for such a name: what is written would refer to nothing (FHIR R4 http.html#brules). */
function refuseInterdependent(resource: Resource, urns: ReadonlySet<string>): void {
  if (urns.size === 0) return;
  const found = findReferences(resource).filter(({ reference }) => urns.has(reference));
  if (found.length === 0) return;
  throw new FicusError(
    'invalid',
    'In a batch each entry is carried out by itself: none can refer to another by its fullUrl',
    { expression: found.map(({ path }) => path) },
  );
}

/** The call of one entry (FHIR R4 http.html#transaction). Throws FicusError. */
function callOf(entry: Json, index: number, options: BatchOptions, urns: ReadonlySet<string>): Call {
  const at = placeOf(index);
  if (!isJsonObject(entry)) throw refuse('An entry is an object', at);
  const { request, resource } = entry;
  const where = `${at}.request`;
  if (!isJsonObject(request)) throw refuse('An entry of a batch needs a request', where);
  const method = textOf(request, 'method', where);
  const url = textOf(request, 'url', where);
  if (method === undefined || !METHODS.has(method))
    throw refuse('A request needs an HTTP method', `${where}.method`);
  if (url === undefined) throw refuse('A request needs an address', `${where}.url`);
  const ours = url.startsWith(`${options.publicBase}/`) ? url.slice(options.publicBase.length + 1) : url;
  if (/^[a-z][a-z0-9+.-]*:/i.test(ours)) throw refuse('An entry can only ask this server', `${where}.url`);
  const { path, query } = splitTarget(ours.startsWith('/') ? ours : `/${ours}`);
  const address = parseAddress(path);
  if (!address) throw new FicusError('not-promised', 'There is no such address in this API');
  const asked = askedOf(method, address, options.promised);
  if (asked.kind !== 'interaction' || asked.form) {
    throw new FicusError(
      'not-promised',
      'An entry of a batch can be a read, a search, a create, an update or an operation',
    );
  }
  const writes = asked.interaction === 'create' || asked.interaction === 'update';
  if (writes && !(isJsonObject(resource) && typeof resource['resourceType'] === 'string')) {
    throw refuse('A create or an update needs a resource', `${at}.resource`);
  }
  if (writes) refuseInterdependent(resource as Resource, urns);
  const conditionOf = (name: string) => textOf(request, name, where);
  refuseSenseless(asked.interaction, conditionOf, (name) => `${where}.${name}`);
  const key = options.idempotencyKey;
  const inBody = asked.inBody && isJsonObject(resource) ? pairsOf(resource as Resource) : [];
  return {
    asked,
    parameters: takePresentation([...decodePairs(query), ...inBody]).others,
    preferences: options.preferences,
    conditions: {
      ifNoneMatch: parseIfNoneMatch(conditionOf('ifNoneMatch')),
      ifModifiedSince: textOf(request, 'ifModifiedSince', where),
    },
    ifMatch: parseIfMatch(conditionOf('ifMatch')),
    ifNoneExist: conditionOf('ifNoneExist'),
    resource: writes ? (resource as Resource) : undefined,
    // Hashed, for the number must not make it longer than a key may be.
    idempotencyKey: writes && key !== undefined ? `${hash('sha256', key, 'hex')}#${index}` : undefined,
  };
}

function placeOf(index: number): string {
  return `Bundle.entry[${index}]`;
}

/** HEAD is a read or a search whose body nobody wants. */
function isHead(entry: Json): boolean {
  return isJsonObject(entry) && isJsonObject(entry['request']) && entry['request']['method'] === 'HEAD';
}

function noBody({ body }: FhirResponse): undefined {
  if (body.kind === 'pipe') body.discard();
}

async function bodyOf(
  performed: Performed,
  call: Call,
  { maxEntryBytes, publicBase }: BatchOptions,
): Promise<Resource | undefined> {
  const { body } = performed.response;
  return body.kind === 'pipe'
    ? collectResource(body, maxEntryBytes)
    : resourceOf(performed, call, publicBase);
}

/** Status of an entry in the words of Bundle.entry.response.status. */
async function entryOf(
  entry: Json,
  index: number,
  options: BatchOptions,
  urns: ReadonlySet<string>,
  isFull: boolean,
): Promise<JsonObject> {
  try {
    const call = callOf(entry, index, options, urns);
    if (isFull && !call.resource)
      throw new FicusError('too-costly', 'The answers to other entries fill this batch. Ask for this one by itself.'); // prettier-ignore
    const performed = await options.perform(call);
    const { response } = performed;
    const { etag, lastModified } = validatorsOf(response);
    const location = locationOf(performed, call);
    const answer = isHead(entry) ? noBody(response) : await bodyOf(performed, call, options);
    const isOutcome = answer?.resourceType === 'OperationOutcome';
    return {
      ...(answer && !isOutcome ? { resource: answer } : {}),
      response: {
        status: String(response.status),
        ...(location === undefined ? {} : { location: `${options.publicBase}/${location}` }),
        ...(etag === undefined ? {} : { etag }),
        ...(lastModified === undefined ? {} : { lastModified: new Date(lastModified).toISOString() }),
        ...(isOutcome ? { outcome: answer } : {}),
        // What could not be written is told, whatever the entry answers with.
        ...(!isOutcome && response.issues?.length
          ? { outcome: operationOutcome(placed(response.issues, placeOf(index))) }
          : {}),
      },
    };
  } catch (error) {
    const failure = toFicusError(error);
    return {
      response: {
        status: String(failure.status),
        outcome: operationOutcome(placed(failure.issues, placeOf(index))),
      },
    };
  }
}

/** The issues of an entry, its element paths read from the Bundle's root. */
function placed(issues: readonly Issue[], at: string): readonly Issue[] {
  return issues.map((issue) => {
    if (!issue.expression || issue.expression.some((path) => path.startsWith('Bundle.'))) return issue;
    return {
      ...issue,
      expression: issue.expression.map((path) => path.replace(/^[A-Z][A-Za-z]+(?=[.[]|$)/, `${at}.resource`)),
    };
  });
}

/** The Bundle of answers, and the HTTP status that carries it. */
export interface BatchAnswer {
  readonly status: number;
  readonly resource: Resource;
}

/** A transaction (of one entry, see {@link entriesOf}) that failed fails as a whole. */
function failureOfTransaction(answer: JsonObject | undefined): BatchAnswer | undefined {
  const response = answer?.['response'];
  if (!isJsonObject(response) || Number(response['status']) < 400) return undefined;
  const outcome = response['outcome'];
  if (!isJsonObject(outcome)) return undefined;
  return { status: Number(response['status']), resource: outcome as Resource };
}

/**
 * Runs the entries, each for itself and a few at a time, and gives the `batch-response` with their answers in the
 * entries' order (FHIR R4 http.html#transaction). A failing entry fails alone. Once the answer is large, no further
 * entry is read (`too-costly`). Throws for what is no batch.
 */
export async function runBatch(bundle: Resource, options: BatchOptions): Promise<BatchAnswer> {
  const entries = entriesOf(bundle);
  await options.begin?.(entries.length);
  const { maxSize = MOST_CHARACTERS } = options;
  const urns = urnsOf(entries);
  const answers: JsonObject[] = [];
  let size = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < entries.length; index = next++) {
      const answer = await entryOf(entries[index] ?? null, index, options, urns, size >= maxSize);
      answers[index] = answer;
      size += JSON.stringify(answer).length;
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, entries.length) }, worker));
  const transaction = bundle['type'] === 'transaction';
  const failure = transaction ? failureOfTransaction(answers[0]) : undefined;
  if (failure) return failure;
  const resource: Resource = {
    resourceType: 'Bundle',
    type: transaction ? 'transaction-response' : 'batch-response',
    ...(answers.length > 0 ? { entry: answers } : {}),
  };
  return { status: 200, resource };
}
