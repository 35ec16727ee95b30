import type { IncomingMessage, ServerResponse } from 'node:http';
import { toFicusError } from '../errors.ts';
import type { Interaction } from '../fhir/types.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from '../ports.ts';
import { countAsked } from './admission.ts';
import { SERVED_BY_FICUS } from './answer.ts';
import type { Answer } from './answer.ts';
import { runBatch } from './batch.ts';
import { readBody } from './body.ts';
import { headerText, parseIdempotencyKey, parsePrefer } from './conditions.ts';
import { FHIR_JSON, checkFhirBody } from './negotiate.ts';
import { endpointOf, perform } from './perform.ts';
import type { Call, PerformOptions, Performed } from './perform.ts';
import { parseResource } from './resource-body.ts';
import type { RequestScope } from './scope.ts';
import { serialise } from './serialise.ts';
import { refuseUpsert } from './update-only.ts';

interface BatchRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly scope: RequestScope;
  readonly pretty: boolean;
}

interface BatchRequestOptions extends PerformOptions {
  readonly promised: (type: string) => readonly Interaction[] | undefined;
  readonly publicBase: () => string;
  readonly http: { readonly maxBodyBytes: number };
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'request'>;
}

/**
 * Answers a POST to the base: each entry is admitted, carried out and measured like a request of its own. Throws
 * FicusError.
 */
export async function answerBatch(request: BatchRequest, options: BatchRequestOptions): Promise<Answer> {
  const { req, res, scope } = request;
  const { promised, http } = options;
  checkFhirBody(req.headers);
  const bundle = parseResource(await readBody(req, res, http.maxBodyBytes, scope.signal));
  const { status, resource } = await runBatch(bundle, {
    promised,
    publicBase: options.publicBase(),
    preferences: parsePrefer(headerText(req.headers['prefer'])),
    maxEntryBytes: http.maxBodyBytes,
    idempotencyKey: parseIdempotencyKey(req.headers['idempotency-key']),
    begin: async (entries) => scope.admission?.further(Math.max(0, entries - 1)),
    perform: (call) => performEntry(call, scope, options),
  });
  const headers = { 'content-type': FHIR_JSON };
  return { status, headers, body: serialise(resource, request.pretty), servedBy: SERVED_BY_FICUS };
}

async function performEntry(
  call: Call,
  scope: RequestScope,
  options: BatchRequestOptions,
): Promise<Performed> {
  if (scope.admission) await countAsked(scope.admission, call.asked, call.parameters);
  const { clock, metrics } = options;
  const startedAt = clock.now();
  const observe = (status: number, servedBy: string): void =>
    metrics.request(endpointOf(call.asked), status, servedBy, (clock.now() - startedAt) / 1000);
  try {
    const performed = await perform(call, options, scope).catch((error: unknown) =>
      refuseUpsert(error, call.asked, options.promised),
    );
    observe(performed.response.status, performed.response.servedBy);
    return performed;
  } catch (error) {
    observe(toFicusError(error).status, SERVED_BY_FICUS);
    throw error;
  }
}
