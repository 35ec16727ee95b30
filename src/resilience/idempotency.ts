import { hash, randomUUID } from 'node:crypto';
import { FicusError } from '../errors.ts';
import { contentVersion } from '../fhir/version.ts';
import type {
  Backend,
  Clock,
  FhirRequest,
  FhirResponse,
  IdempotencyStore,
  Layer,
  RequestContext,
} from '../ports.ts';
import { isWrite } from './interaction.ts';
import { createOnce } from './once.ts';

export interface IdempotencyOptions {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  /** How long an outcome is kept, in milliseconds (default 24 hours). */
  readonly ttlMs?: number;
  /** Name of the backend that a request goes to now. */
  readonly backendOf?: (request: FhirRequest, context: RequestContext) => string | undefined;
  /** What a caller is given now of an answer that was stored. Default: all of it. */
  readonly judge?: (
    response: FhirResponse,
    request: FhirRequest,
    context: RequestContext,
  ) => Promise<FhirResponse>;
  /** Called for each write that is answered with a stored or shared outcome. */
  readonly onRepeat?: () => void;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * `Idempotency-Key`: the same write of the same caller to the same endpoint is done once; a repeat gets the stored
 * outcome, refusals included, as far as the caller may see it by then. The key is claimed on disk before the write
 * leaves. A repeat of a write whose outcome is unknown is handed on as doubtful: the backend that it went to asks after
 * it, and sends it only when it certainly was not done.
 */
export function idempotency(options: IdempotencyOptions): Layer {
  const { store, clock, ttlMs = DAY_MS, backendOf, judge, onRepeat } = options;
  const once = createOnce({ store, clock, ttlMs });

  return (next: Backend): Backend => {
    async function write(
      idempotencyKey: string,
      request: FhirRequest,
      context: RequestContext,
    ): Promise<FhirResponse> {
      const { idempotencyKey: _key, ...rest } = request;
      check(idempotencyKey, request);
      const backend = backendOf?.(request, context);
      const { response, repeated } = await once.run({
        key: recordKey(idempotencyKey, request, context),
        fingerprint: fingerprintOf(request),
        request,
        context,
        remember: 'all',
        first: { writeId: randomUUID(), ...(backend === undefined ? {} : { backend }) },
        isSame: () => true,
        execute: (detached, attempt) => next.handle(attempt ? { ...rest, attempt } : rest, detached),
      });
      if (!repeated) return response;
      onRepeat?.();
      return judge ? judge(response, request, context) : response;
    }

    return {
      handle: (request, context) =>
        request.idempotencyKey === undefined || !isWrite(request)
          ? next.handle(request, context)
          : write(request.idempotencyKey, request, context),
    };
  };
}

function check(key: string, request: FhirRequest): void {
  if (key.length < 1 || key.length > 255) {
    throw new FicusError('parameter-invalid', 'An Idempotency-Key has 1 to 255 characters.', {
      expression: ['Idempotency-Key'],
    });
  }
  if (!request.resource) {
    throw new FicusError('not-implemented', 'Idempotency-Key is not supported where the body is streamed.', {
      expression: ['Idempotency-Key'],
    });
  }
}

/** One caller's key for one endpoint. */
function recordKey(key: string, request: FhirRequest, context: RequestContext): string {
  const scope = [context.principal.key, `${request.type}.${request.interaction}`, key];
  return `key:${hash('sha256', JSON.stringify(scope), 'hex')}`;
}

function fingerprintOf(request: FhirRequest): string {
  const { id, ifMatch, ifNoneExist, query, resource } = request;
  const content = resource && contentVersion(resource);
  return hash('sha256', JSON.stringify([id, ifMatch, ifNoneExist?.applied, query?.applied, content]), 'hex');
}
