import { toFicusError } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import { patientOfRequest, patientsOfResource } from '../fhir/patient.ts';
import type { Json, Resource } from '../fhir/types.ts';
import type { Backend, Clock, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import type { GlassCaseStore, GlassUse } from '../privacy-ports.ts';
import { readPipe } from '../search/pipe.ts';
import type { Access, AuditSink } from '../security-ports.ts';

export interface BreakGlassLayerOptions {
  readonly cases: Pick<GlassCaseStore, 'record'>;
  readonly audit: AuditSink;
  readonly clock: Clock;
  /** Longest answer of a modern service that is read to see whose data it holds. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Writes down every request under a broken glass before its answer leaves: one audit event beside the usual one, and a
 * case in the review queue for each patient whose data was asked for or found. What cannot be written down is not
 * answered. It stands outside of federation, so that what is included counts.
 */
export function breakGlassLayer(options: BreakGlassLayerOptions): Layer {
  return (next) => ({
    async handle(request, context) {
      const { access } = context.principal;
      if (access?.breakGlassReason === undefined) return next.handle(request, context);
      return writtenDown(next, request, context, access, options);
    },
  });
}

async function writtenDown(
  next: Backend,
  request: FhirRequest,
  context: RequestContext,
  access: Access,
  options: BreakGlassLayerOptions,
): Promise<FhirResponse> {
  const asked = patientOfRequest(request);
  const ofRequest = asked === undefined ? [] : [asked];
  let response: FhirResponse;
  try {
    response = await readWhole(await next.handle(request, context), options.maxBytes ?? MAX_BYTES);
  } catch (error) {
    const { code } = toFicusError(error);
    await writeDown(request, context, access, { patients: ofRequest, errorCode: code }, options);
    throw error;
  }
  const found = resourcesOf(response);
  const patients = [...new Set([...ofRequest, ...found.flatMap(patientsOfResource)])];
  await writeDown(request, context, access, { patients, found, servedBy: response.servedBy }, options);
  return response;
}

/** An answer that would be handed on unread is read: whose data it holds has to be known. */
async function readWhole(response: FhirResponse, maxBytes: number): Promise<FhirResponse> {
  if (response.body.kind !== 'pipe') return response;
  const resource = await readPipe(response.body, maxBytes);
  const {
    'content-length': _length,
    'content-encoding': _encoding,
    'content-type': _type,
    ...headers
  } = response.headers;
  return { ...response, headers, body: { kind: 'resource', resource } };
}

function resourcesOf({ body }: FhirResponse): readonly Resource[] {
  if (body.kind === 'searchset') return [...body.set.matches, ...body.set.included];
  if (body.kind !== 'resource') return [];
  const { resource } = body;
  if (resource.resourceType !== 'Bundle') return [resource];
  const entries = Array.isArray(resource['entry']) ? resource['entry'] : [];
  return entries.flatMap((entry) => {
    const inner = isJsonObject(entry) ? entry['resource'] : undefined;
    return isResource(inner) ? [inner] : [];
  });
}

function isResource(value: Json | undefined): value is Resource {
  return isJsonObject(value) && typeof value['resourceType'] === 'string';
}

interface Outcome {
  readonly patients: readonly string[];
  readonly found?: readonly Resource[];
  readonly servedBy?: string;
  readonly errorCode?: string;
}

async function writeDown(
  request: FhirRequest,
  context: RequestContext,
  access: Access,
  { patients, found = [], servedBy, errorCode }: Outcome,
  { audit, cases, clock }: BreakGlassLayerOptions,
): Promise<void> {
  const { principal, requestId, address } = context;
  const { subject, issuer, tokenId, fhirUser, roles, purposes, breakGlassReason: reason = '' } = access;
  const action = `${request.type}.${request.interaction}`;
  const who = {
    subject,
    tokenId,
    ...(principal.client === undefined ? {} : { client: principal.client }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
  };
  await audit.write([
    {
      kind: 'break-glass',
      outcome: errorCode === undefined ? 'success' : 'failed',
      agent: { ...who, roles, purposes, ...(address === undefined ? {} : { address }) },
      requestId,
      action,
      patients,
      references: found.flatMap(({ resourceType, id }) =>
        id === undefined ? [] : [`${resourceType}/${id}`],
      ),
      ...(servedBy === undefined ? {} : { servedBy }),
      ...(errorCode === undefined ? {} : { errorCode }),
      details: { reason },
    },
  ]);
  const use: GlassUse = {
    ...who,
    issuer,
    reason,
    requestId,
    action,
    at: new Date(clock.now()).toISOString(),
  };
  await cases.record(patients.length === 0 ? [use] : patients.map((patient) => ({ ...use, patient })));
}
