import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import { resourceOf } from '../search/ask.ts';
import type { PageSealer } from '../search/page.ts';
import { Sieve, judgedHistory, notThere, withBody } from './enforce-answer.ts';
import type { Turn } from './enforce-answer.ts';
import { createSearches } from './enforce-search.ts';
import { createWrites } from './enforce-write.ts';
import { foreignPatient, onlyPatient } from './narrow.ts';
import { allowancesFor, needsOf, refuseUnpermitted } from './permissions.ts';
import type { Sight } from './visible.ts';
import { refused } from './enforce-notice.ts';

export interface EnforcementOptions {
  readonly sight: Sight;
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  /** Seals where a page of what may be seen goes on. */
  readonly pages: PageSealer;
  /** Matches on a page when `_count` says nothing. */
  readonly defaultCount: number;
  /**
   * Whether whoever does a write knows the versions of whoever answered a read (`X-Served-By`): then nothing is
   * overwritten that was not judged. Default: never.
   */
  readonly knowsVersions?: (request: FhirRequest, context: RequestContext, readBy: string) => boolean;
  /** Most resources that are looked at to count what a caller may see; default 1000. */
  readonly maxCounted?: number;
  /** Largest answer of a modern service that is looked at, in bytes; default 16 MiB. */
  readonly maxBytes?: number;
}

/** Values of `_summary` that leave elements out. */
const SUMMARIES: ReadonlySet<string> = new Set(['true', 'text', 'data']);

/** A leg of the way tells who was asked, and how often: of what is hidden, too. */
const untold = (): void => {};

/**
 * The Layer that lets no caller do or see more than the grants allow: the request is narrowed, and everything in the
 * answer is judged. It stands below federation, so that each part of a chain and each inclusion passes it, too.
 *
 * What may not be seen is answered as what is not there: 404 in the same words. Another patient than the one in
 * context, named by the request, is 403, and so is what no scope allows: both are said without asking whether anything
 * is there. A total counts what may be seen, or is absent.
 */
export function enforcement(options: EnforcementOptions): Layer {
  const { sight, base, pages, defaultCount, maxCounted = 1000, maxBytes = 16 * 1024 * 1024 } = options;
  const { knowsVersions = () => false } = options;

  return (next: Backend): Backend => {
    const writes = createWrites({ next, sight, base, maxBytes, knowsVersions });
    const searches = createSearches({ next, sight, pages, defaultCount, maxCounted, maxBytes });

    /**
     * The resource of a read's answer.
     * @throws FicusError `not-found` for what may not be seen and for what is not there
     */
    async function seen(response: FhirResponse, turn: Turn): Promise<Resource> {
      const { request, access } = turn;
      const resource = await resourceOf(response, maxBytes);
      if (!resource) throw notThere(request);
      const verdict = sight.judge(access, resource, needsOf(request.interaction, request.included));
      if (verdict === 'seen') return resource;
      throw refused(verdict, turn) ?? notThere(request);
    }

    async function answerOf(turn: Turn): Promise<FhirResponse> {
      try {
        return await next.handle(turn.request, turn.context);
      } catch (error) {
        throw error instanceof FicusError && error.code === 'not-found' ? notThere(turn.request) : error;
      }
    }

    /** The present state of what is asked for, whole. */
    async function present({ request, ...turn }: Turn): Promise<FhirResponse> {
      const { type, id, handling, included } = request;
      const read: FhirRequest = {
        interaction: 'read',
        type,
        handling,
        ...(id === undefined ? {} : { id }),
        ...(included ? { included } : {}),
      };
      const asked = { ...turn, request: read };
      const response = await answerOf(asked);
      const resource = await seen(response, asked);
      return withBody(response, { kind: 'resource', resource });
    }

    async function version(turn: Turn): Promise<FhirResponse> {
      // A version of what may not be seen now is no more to be seen than it.
      await present(turn);
      const { query: _shape, ifNoneMatch: _condition, ...whole } = turn.request;
      const response = await answerOf({ ...turn, request: whole });
      return withBody(response, { kind: 'resource', resource: await seen(response, turn) });
    }

    async function history(turn: Turn): Promise<FhirResponse> {
      await present(turn);
      const response = await answerOf(turn);
      const bundle = await resourceOf(response, maxBytes);
      if (!bundle) throw notThere(turn.request);
      const sieve = new Sieve(sight, turn.access, needsOf('history', turn.request.included));
      return withBody(response, {
        kind: 'resource',
        resource: judgedHistory(bundle, sieve, turn.request.query?.page),
      });
    }

    function restricted(whole: Turn): Promise<FhirResponse> {
      const turn = { ...whole, context: { ...whole.context, timing: untold } };
      const { request } = turn;
      refuseForeign(turn);
      if (request.interaction === 'read') return present(turn);
      if (request.interaction === 'vread') return version(turn);
      if (request.interaction === 'history') return history(turn);
      if (request.interaction === 'search' && request.query) return searches.handle(turn, request.query);
      return writes.handle(turn);
    }

    function isClear({ request, access }: Turn): boolean {
      const { interaction, type, query, included } = request;
      // What is left of a resource may not say whose it is, and the trail has to know: it is asked for whole.
      if (interaction !== 'update' && query && isShaped(query)) return false;
      if (interaction === 'search') return !!query && sight.isClearSearch(access, query, included === true);
      if (!sight.isClear(access, type, needsOf(interaction, included))) return false;
      if (interaction !== 'create' && interaction !== 'update') return true;
      // An update may become a create; and the answer to a write is a resource, too.
      const creates = sight.isClear(access, type, needsOf('create'));
      return creates && sight.isClear(access, type, needsOf('read', true));
    }

    return {
      async handle(request, context) {
        const { access } = context.principal;
        if (!access) return next.handle(request, context);
        refuseUnpermitted(access, request.interaction, request.type, request.included);
        const turn = { request, context, access };
        return isClear(turn) ? next.handle(request, context) : restricted(turn);
      },
    };
  };
}

/** Whether less is asked for than whole resources; a count has none. */
function isShaped({ elements, summary, count }: SearchQuery): boolean {
  return (elements !== undefined || SUMMARIES.has(summary ?? 'false')) && count !== 0;
}

/** A Patient by another id than that of the one in context. */
function refuseForeign({ request, access }: Turn): void {
  const { type, id, interaction, included } = request;
  if (type !== 'Patient' || id === undefined) return;
  const patient = onlyPatient(allowancesFor(access, type, needsOf(interaction, included)));
  if (patient !== undefined && id !== patient) throw foreignPatient();
}
