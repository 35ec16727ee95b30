import { FicusError } from '../errors.ts';
import type { SearchSet } from '../fhir/search-query.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { stillUnknown } from '../resilience/outcome.ts';
import { asResource, holdsAll, readBody, release } from './content.ts';

/** What was written, as the service now holds it, and its answer with the body read. */
export interface Put {
  readonly response: FhirResponse;
  /** Absent: the service refused, and the response says how. */
  readonly held?: Resource;
}

/**
 * A modern service as one that adopts our ids: every write is a PUT, so that it can be repeated and asked after by its
 * id.
 */
export interface ModernSide {
  /** Reads and searches with their bodies decoded. */
  readonly reader: Backend;
  /** The resource under an id; undefined: there is none. @throws FicusError when that cannot be told */
  read(type: string, id: string, context: RequestContext): Promise<Resource | undefined>;
  /** Puts a resource under an id, after asking for it if the write is doubtful. @throws FicusError */
  put(
    request: FhirRequest & { readonly id: string; readonly resource: Resource },
    context: RequestContext,
  ): Promise<Put>;
}

/** @param maxBytes largest body that is read */
export function createModernSide(backend: Backend, maxBytes: number): ModernSide {
  async function get(type: string, id: string, context: RequestContext): Promise<FhirResponse | undefined> {
    const response = await backend.handle({ interaction: 'read', type, id, handling: 'lenient' }, context);
    const { status } = response;
    if (status === 200) return response;
    release(response.body);
    if (status === 404 || status === 410) return undefined;
    throw new FicusError(status >= 500 ? 'unavailable' : 'legacy-exception', `The service answered a read with HTTP status ${status}.`); // prettier-ignore
  }

  async function read(type: string, id: string, context: RequestContext): Promise<Resource | undefined> {
    const response = await get(type, id, context);
    if (!response) return undefined;
    const resource = asResource(await readBody(response.body, maxBytes));
    if (resource?.resourceType === type && resource.id === id) return resource;
    throw new FicusError('legacy-malformed', 'The service answered a read with another resource.');
  }

  async function send(request: FhirRequest, sent: Resource, context: RequestContext): Promise<Put> {
    const response = await backend.handle(request, context);
    if (response.status >= 300) return { response };
    const held = await heldOf(response, sent);
    return {
      response: { ...withoutBodyHeaders(response), body: { kind: 'resource', resource: held } },
      held,
    };
  }

  /** The status says that it was done: an answer that breaks off, or says nothing, does not take that back. */
  async function heldOf({ body }: FhirResponse, sent: Resource): Promise<Resource> {
    try {
      const answer = asResource(await readBody(body, maxBytes));
      return answer?.resourceType === sent.resourceType && answer.id === sent.id ? answer : sent;
    } catch {
      return sent;
    }
  }

  return {
    read,
    reader: {
      async handle(request, context) {
        const response = await backend.handle(request, context);
        if (response.status >= 300) return response;
        const body = await readBody(response.body, maxBytes);
        const plain = withoutBodyHeaders(response);
        if (request.interaction === 'search')
          return { ...plain, body: { kind: 'searchset', set: setOf(body) } };
        const resource = asResource(body);
        return { ...plain, body: resource ? { kind: 'resource', resource } : { kind: 'none' } };
      },
    },

    async put(asked, context) {
      const {
        attempt,
        body: _bytes,
        ifNoneExist: _none,
        lossy: _lossy,
        idempotencyKey: _key,
        ...rest
      } = asked;
      const sent: Resource = { ...asked.resource, id: asked.id };
      const request: FhirRequest = {
        ...rest,
        interaction: 'update',
        resource: sent,
        returning: 'representation',
      };
      if (attempt?.doubtful === undefined) return send(request, sent, context);
      // What stops the question says nothing of the earlier attempt.
      const response = await get(asked.type, asked.id, context).catch((error: unknown) => {
        throw stillUnknown(error);
      });
      const held = response && asResource(await readBody(response.body, maxBytes));
      if (response && held && (asked.interaction === 'create' || holdsAll(held, sent))) {
        return {
          response: { ...withoutBodyHeaders(response), body: { kind: 'resource', resource: held } },
          held,
        };
      }
      if (attempt.doubtful === 'ask-only') throw stillUnknown();
      // Of somebody else, or of the earlier attempt with something done to it: not to be overwritten.
      if (asked.ifMatch !== undefined && versionOf(response) !== asked.ifMatch) throw stillUnknown();
      return send(request, sent, context);
    },
  };
}

/** The version that an answer names. */
function versionOf(response: FhirResponse | undefined): string | undefined {
  return response?.headers['etag']?.replace(/^W\//, '').replaceAll('"', '');
}

function withoutBodyHeaders(response: FhirResponse): FhirResponse {
  const headers = Object.entries(response.headers).filter(([name]) => !name.startsWith('content-'));
  return { ...response, headers: Object.fromEntries(headers) };
}

/** The matches of a searchset. @throws FicusError `too-costly` where they go on: one page decides about a write */
function setOf(bundle: JsonObject | undefined): SearchSet {
  const entries = objects(bundle?.['entry']);
  const matches = entries.flatMap(({ resource, search }) => {
    const mode = isJsonObject(search) ? search['mode'] : undefined;
    const found = isJsonObject(resource) ? asResource(resource) : undefined;
    return found && (mode === undefined || mode === 'match') ? [found] : [];
  });
  const goesOn = objects(bundle?.['link']).some(({ relation }) => relation === 'next');
  if (goesOn && matches.length < 2) {
    throw new FicusError(
      'too-costly',
      'The criteria match too widely to tell whether there is one resource.',
    );
  }
  return { matches, included: [], issues: [] };
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
