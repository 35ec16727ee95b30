import { FicusError, toFicusError } from '../errors.ts';
import { endpointNamed } from '../fhir/endpoint.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Backend, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import type { AuditEntry, AuditKind, AuditSink, Exchange } from '../security-ports.ts';
import { agentOf } from './agent.ts';
import { concernedBy } from './concerned.ts';
import type { Concerned } from './concerned.ts';
import { queryText } from './query.ts';

const KINDS: Readonly<Record<FhirRequest['interaction'], AuditKind>> = {
  create: 'create',
  read: 'read',
  vread: 'read',
  update: 'update',
  search: 'query',
  history: 'history',
  everything: 'everything',
};

/** What was refused, rather than failed: the client asked for what is not to be had, or not in this form. */
const FIRST_FAILURE = 500;

/**
 * Records every interaction, whichever way it ends, before its answer is given. An answer that cannot be recorded is
 * not given (unless the sink lets it be): a piped one is given up, and a write that was carried out ends as
 * `outcome-unknown`, so that nobody takes it for not done.
 *
 * What Ficus asks on its own account (there is no address) is nobody's access: its copies, comparisons and samples
 * stand in its own records.
 */
export function audit(sink: AuditSink): Layer {
  return (next: Backend): Backend => ({
    handle: (request, context) =>
      context.address === undefined ? next.handle(request, context) : recorded(next, request, context, sink),
  });
}

async function recorded(
  next: Backend,
  request: FhirRequest,
  context: RequestContext,
  sink: AuditSink,
): Promise<FhirResponse> {
  const exchanges = new Map<string, Exchange>();
  const exchanged = (exchange: Exchange): void => {
    keepLast(exchanges, exchange);
    context.exchanged?.(exchange);
  };
  let glass = false;
  const toldOfGlass = (): void => void (glass = true);
  let response: FhirResponse;
  sink.coming?.begin();
  try {
    response = await next.handle(request, { ...context, exchanged, toldOfGlass });
    sink.coming?.end();
  } catch (error) {
    sink.coming?.end();
    const failure = toFicusError(error);
    const ending = { failure, concerned: concernedBy(request), exchanges, glass };
    await sink.write([entryOf(request, context, ending)]);
    throw error;
  }
  const concerned = concernedBy(request, response);
  const { response: answer = response } = concerned;
  try {
    await sink.write([entryOf(request, context, { response: answer, concerned, exchanges, glass })]);
  } catch (error) {
    if (answer.body.kind === 'pipe') answer.body.discard();
    throw isWrite(request) && answer.status < 300 ? doneUnrecorded(error) : error;
  }
  return answer;
}

/** Of a message, what is known of it at last. Two backends may have used the same id. */
function keepLast(exchanges: Map<string, Exchange>, exchange: Exchange): void {
  const { backend, messageId } = exchange;
  const before = exchanges.get(messageId);
  const isAnothers = before !== undefined && before.backend !== backend;
  exchanges.set(isAnothers ? `${backend} ${messageId}` : messageId, exchange);
}

function isWrite({ interaction }: FhirRequest): boolean {
  return interaction === 'create' || interaction === 'update';
}

function doneUnrecorded(cause: unknown): FicusError {
  return new FicusError(
    'outcome-unknown',
    'The write may have been carried out, but what happens here cannot be recorded now.',
    { cause },
  );
}

interface Ending {
  readonly response?: FhirResponse;
  readonly failure?: FicusError;
  readonly concerned: Concerned;
  readonly exchanges: ReadonlyMap<string, Exchange>;
  /** Whether the caller was told that there is something behind the glass. */
  readonly glass: boolean;
}

function entryOf(request: FhirRequest, context: RequestContext, ending: Ending): AuditEntry {
  const { response, failure, exchanges, concerned, glass } = ending;
  const { principal } = context;
  const kind = request.type === 'AuditEvent' ? 'audit-read' : KINDS[request.interaction];
  // Whom the trail tells of is whom reading it concerns the least.
  const { patients, looked } = kind === 'audit-read' ? concernedBy(request) : concerned;
  const inContext = principal.access?.patient;
  const status = response?.status ?? failure?.status ?? 500;
  const entry: { -readonly [Name in keyof AuditEntry]: AuditEntry[Name] } = {
    kind,
    outcome: status < 400 ? 'success' : status < FIRST_FAILURE ? 'refused' : 'failed',
    agent: agentOf(principal, context.address),
    requestId: context.requestId,
    action: endpointNamed(request.type, request.interaction),
    // A caller who is bound to one patient asked about that one, whether anything was found or not.
    patients: patients.length === 0 && inContext !== undefined ? [inContext] : patients,
    references: referencesOf(request, response),
  };
  if (request.interaction === 'search' || request.interaction === 'everything')
    entry.query = queryText(request.query?.address ?? request.type, request.asked ?? request.query?.applied ?? []); // prettier-ignore
  if (failure) entry.errorCode = failure.code;
  if (response) entry.servedBy = response.servedBy;
  if (exchanges.size > 0) entry.exchanges = [...exchanges.values()];
  if (!looked || glass) entry.details = detailsOf(looked, glass);
  return entry;
}

function detailsOf(looked: boolean, glass: boolean): NonNullable<AuditEntry['details']> {
  return {
    ...(looked ? {} : { patients: 'as the request names them; the answer was passed on unread' }),
    ...(glass ? { restricted: 'the caller was told that a broken glass would give more' } : {}),
  };
}

/** What was asked for by name, or made; never what a search found (IHE BALP 1.1.4: results are not recorded). */
function referencesOf(request: FhirRequest, response: FhirResponse | undefined): string[] {
  const { type, id, versionId, interaction } = request;
  if (id !== undefined)
    return [versionId === undefined ? `${type}/${id}` : `${type}/${id}/_history/${versionId}`];
  if (interaction === 'search' || interaction === 'everything' || !response) return [];
  const { body, headers } = response;
  if (body.kind === 'resource' && isJsonObject(body.resource) && body.resource.resourceType === type)
    return body.resource.id === undefined ? [] : [`${type}/${body.resource.id}`];
  const [location] = headers['location']?.split('/_history/') ?? [];
  return location !== undefined && location.startsWith(`${type}/`) ? [location] : [];
}
