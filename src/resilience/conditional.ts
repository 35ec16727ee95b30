import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
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
import { conditionalCreate } from './conditional-create.ts';
import { beforeWrite, leftQueue } from './interaction.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { findMatch } from './match.ts';
import { createOnce } from './once.ts';
import { versionIdOf } from './versioned.ts';

export interface ConditionalOptions {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  /** How long after a conditional create the core may take to find what it created, in milliseconds (default 60 s). */
  readonly settleMs?: number;
}

/**
 * The preconditions of FHIR R4 http.html (#ccreate, #cond-update, #concurrency, #cread) for a core that knows none of
 * them: asked by a read or search through the same backend, then acted on, one request at a time for the same criteria
 * or resource. Also vread, which is answered as long as the version asked for is the current one.
 */
export function conditional(options: ConditionalOptions): Layer {
  const { store, clock, settleMs = 60_000 } = options;
  const once = createOnce({ store, clock, ttlMs: settleMs });
  const lock = createKeyedLock();

  return (next: Backend): Backend => {
    async function locked(
      key: string,
      request: FhirRequest,
      context: RequestContext,
      work: () => Promise<FhirResponse>,
    ): Promise<FhirResponse> {
      const release = await lock.acquire(key, context.signal, () => leftQueue(request));
      try {
        return await work();
      } finally {
        release();
      }
    }

    async function create(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      const { ifNoneExist, ...plain } = request;
      if (!ifNoneExist) return next.handle(request, context);
      const key = criteriaKey(ifNoneExist);
      return locked(key, request, context, () =>
        conditionalCreate({ next, once, key, criteria: ifNoneExist, request: plain, context }),
      );
    }

    async function update(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      if (request.id !== undefined) return updateOne(request.id, request, context);
      const { query, ...plain } = request;
      if (!query) throw new FicusError('invalid', 'An update names a resource, by id or by criteria.');
      return locked(criteriaKey(query), request, context, async () => {
        const match = await findMatch(next, query, context);
        const bodyId = request.resource?.id;
        if (!match) {
          if (bodyId !== undefined) return updateOne(bodyId, plain, context);
          if (request.ifMatch !== undefined) throw versionConflict(undefined);
          return next.handle({ ...plain, interaction: 'create' }, context);
        }
        const { id } = match.resource;
        if (id === undefined) throw new FicusError('internal', 'A backend found a resource without an id.');
        if (bodyId !== undefined && bodyId !== id) {
          throw new FicusError(
            'invalid',
            'The id of the resource is not that of the one match of the criteria.',
          );
        }
        return updateOne(id, plain, context);
      });
    }

    function updateOne(id: string, request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      return locked(`${request.type}/${id}`, request, context, async () => {
        const { ifMatch, attempt, ...plain } = request;
        const current = ifMatch === undefined || (await hasVersion(id, ifMatch, request, context));
        // Another version may be what an earlier attempt made of it; or of somebody else, who must not be overwritten.
        const asked = attempt && (current ? attempt : { ...attempt, doubtful: 'ask-only' as const });
        const resource = plain.resource && { ...plain.resource, id };
        const write = {
          ...plain,
          id,
          ...(resource ? { resource } : {}),
          ...(asked ? { attempt: asked } : {}),
        };
        return next.handle(write, context);
      });
    }

    /** False only for a doubtful write. @throws FicusError `version-conflict` */
    async function hasVersion(
      id: string,
      wanted: string,
      request: FhirRequest,
      context: RequestContext,
    ): Promise<boolean> {
      const { type, handling } = request;
      const current = await next
        .handle({ interaction: 'read', type, id, handling }, context)
        .catch((error: unknown) => {
          if (error instanceof FicusError && error.code === 'not-found') return undefined;
          throw beforeWrite(error);
        });
      if (current && versionOf(current) === wanted) return true;
      if (current && request.attempt?.doubtful) return false;
      throw versionConflict(current);
    }

    function read(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      if (request.ifNoneMatch === undefined) return next.handle(request, context);
      const { ifNoneMatch, ...plain } = request;
      return readUnless(ifNoneMatch, plain, context);
    }

    async function readUnless(
      ifNoneMatch: string,
      plain: FhirRequest,
      context: RequestContext,
    ): Promise<FhirResponse> {
      const response = await next.handle(plain, context);
      if (response.status !== 200) return response;
      if (versionOf(response) !== ifNoneMatch) return response;
      if (response.body.kind === 'pipe') response.body.discard();
      const { etag } = response.headers;
      return {
        ...response,
        status: 304,
        headers: etag === undefined ? {} : { etag },
        body: { kind: 'none' },
      };
    }

    async function vread(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      const { versionId, ...plain } = request;
      const response = await next.handle({ ...plain, interaction: 'read' }, context);
      if (versionOf(response) === versionId) return response;
      if (response.body.kind === 'pipe') response.body.discard();
      throw new FicusError('not-found', 'Only the current version can be read; the one asked for is not it.');
    }

    const asItIs: Backend['handle'] = (...asked) => next.handle(...asked);
    const handlers: Readonly<Record<FhirRequest['interaction'], Backend['handle']>> = {
      create,
      update,
      read,
      vread,
      history: asItIs,
      search: asItIs,
      everything: asItIs,
    };
    return { handle: (request, context) => handlers[request.interaction](request, context) };
  };
}

/** @param current what is there; undefined: nothing (RFC 9110 §13.1.1) */
function versionConflict(current: FhirResponse | undefined): FicusError {
  const words = current
    ? 'The resource has changed since the version given by If-Match.'
    : 'There is no current version to match.';
  return new FicusError('version-conflict', words, { expression: ['If-Match'] });
}

/** The same for the same criteria in any order. */
function criteriaKey({ type, applied }: SearchQuery): string {
  return JSON.stringify([type, applied.map((pair) => JSON.stringify(pair)).toSorted()]);
}

/** The version that an answer carries: its ETag, else its resource's own, else one made from content. */
function versionOf({ headers, body }: FhirResponse): string | undefined {
  const etag = headers['etag'];
  if (etag !== undefined) return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  return body.kind === 'resource' ? (versionIdOf(body.resource) ?? contentVersion(body.resource)) : undefined;
}
