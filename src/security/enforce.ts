import { FicusError } from '../errors.ts';
import { stringifyJson } from '../fhir/json.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, Layer } from '../ports.ts';
import { pipeOf } from '../resilience/held.ts';
import { askAll, resourceOf } from '../search/ask.ts';
import { judgedBundle, judgedHistory, judgedSet, notThere, withBody } from './enforce-answer.ts';
import type { Turn, Viewer } from './enforce-answer.ts';
import { createWrites } from './enforce-write.ts';
import { foreignPatient, narrow, onlyPatient } from './narrow.ts';
import { allowancesFor, needsOf, refuseUnpermitted } from './permissions.ts';
import type { Sight } from './visible.ts';
import { refusalOf } from './withhold.ts';

export interface EnforcementOptions {
  readonly sight: Sight;
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  /** Most resources that are looked at to count what a caller may see; default 1000. */
  readonly maxCounted?: number;
  /** Largest answer of a modern service that is looked at, in bytes; default 16 MiB. */
  readonly maxBytes?: number;
}

/** What is done here and not by who answers: the whole of each resource is judged, and only what may be seen is counted. */
const SHAPING: readonly string[] = ['_summary', '_elements', '_total'];
/** What a search that is counted is not asked with. */
const PAGING: readonly string[] = ['_count', '_sort', '_revinclude'];
const COUNTED_PAGE = 100;

/**
 * The Layer that lets no caller do or see more than the grants allow: the request is narrowed, and everything in the answer is judged. It stands below federation, so that each
 * part of a chain and each inclusion passes it, too.
 *
 * What may not be seen is answered as what is not there: 404 in the same words. Another patient than the one in context, named by the request, is 403, and so is what no scope
 * allows: both are said without asking whether anything is there. A total counts what may be seen, or is absent.
 */
export function enforcement(options: EnforcementOptions): Layer {
  const { sight, base, maxCounted = 1000, maxBytes = 16 * 1024 * 1024 } = options;

  return (next: Backend): Backend => {
    const writes = createWrites({ next, sight, base, maxBytes });

    /** The resource of a read's answer. @throws FicusError `not-found` for what may not be seen and for what is not there */
    async function seen(response: FhirResponse, turn: Turn): Promise<Resource> {
      const { request, access } = turn;
      const resource = await resourceOf(response, maxBytes);
      if (!resource) throw notThere(request);
      const verdict = sight.judge(access, resource, needsOf(request.interaction, request.included));
      if (verdict === 'seen') return resource;
      throw (verdict !== 'hidden' && refusalOf(verdict, access)) || notThere(request);
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
      return withBody(response, { kind: 'resource', resource: judgedHistory(bundle, viewerOf(turn)) });
    }

    async function search(turn: Turn, query: SearchQuery): Promise<FhirResponse> {
      const { request, context, access } = turn;
      const narrowed = narrow(
        query,
        allowancesFor(access, request.type, needsOf('search', request.included)),
      );
      if (query.summary === 'count' || query.count === 0) return await counted(turn, narrowed);
      const response = await next.handle({ ...request, query: whole(narrowed) }, context);
      const { body } = response;
      if (body.kind === 'searchset') {
        const set = judgedSet(body.set, query, viewerOf(turn));
        const total = set.total ?? (await totalOf(turn, narrowed));
        const counting = total === undefined ? set : { ...set, total };
        return { ...response, body: { kind: 'searchset', set: counting } };
      }
      if (response.status >= 300) return response;
      if (body.kind !== 'pipe')
        throw new FicusError('internal', 'A search was answered with something else than what it found.');
      const { etag: _tag, 'last-modified': _modified, ...headers } = response.headers;
      const bundle = await judgedBundle(body, query, viewerOf(turn));
      const total = bundle['total'] ?? (await totalOf(turn, narrowed));
      const counting = total === undefined ? bundle : { ...bundle, total };
      return withBody({ ...response, headers }, pipeOf(Buffer.from(stringifyJson(counting))));
    }

    /** A total that was asked for, where it can be told. */
    async function totalOf(turn: Turn, query: SearchQuery): Promise<number | undefined> {
      if (query.total !== 'accurate' || query.page !== undefined) return undefined;
      return (await count(turn, query))?.set.total;
    }

    async function counted(turn: Turn, query: SearchQuery): Promise<FhirResponse> {
      const found = await count(turn, query);
      if (!found) {
        const words = `To count this search, more than ${maxCounted} resources of type ${query.type} would have to be looked at. Narrow it down.`;
        throw new FicusError('too-costly', words);
      }
      const { servedBy, set } = found;
      return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy };
    }

    /** What a search finds of what may be seen, as a set of nothing but a total; undefined: too much to look at. */
    async function count(turn: Turn, query: SearchQuery): Promise<Counted | undefined> {
      const {
        sort: _sort,
        count: _count,
        total: _total,
        page: _page,
        revinclude: _reverse,
        ...rest
      } = whole(query);
      const applied = rest.applied.filter(([name]) => !PAGING.includes(name));
      const asked: SearchQuery = {
        ...rest,
        sort: [],
        count: COUNTED_PAGE,
        applied: [...applied, ['_count', String(COUNTED_PAGE)]],
      };
      const found = await askAll(next, asked, turn.context, maxCounted, maxBytes);
      if (!found) return undefined;
      const { issues, matches } = judgedSet(found.set, asked, viewerOf(turn));
      const complete = issues.every(({ severity }) => severity === 'information');
      const total = complete ? { total: matches.length } : {};
      return { servedBy: found.servedBy, set: { matches: [], included: [], issues, ...total } };
    }

    function viewerOf({ request, access }: Turn): Viewer {
      return { sight, access, matches: needsOf(request.interaction, request.included), maxBytes };
    }

    function restricted(turn: Turn): Promise<FhirResponse> {
      const { request } = turn;
      refuseForeign(turn);
      if (request.interaction === 'read') return present(turn);
      if (request.interaction === 'vread') return version(turn);
      if (request.interaction === 'history') return history(turn);
      if (request.interaction === 'search' && request.query) return search(turn, request.query);
      return writes.handle(turn);
    }

    function isClear({ request, access }: Turn): boolean {
      const { interaction, type, query, included } = request;
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

interface Counted {
  readonly set: SearchSet;
  readonly servedBy: string;
}

/** A Patient by another id than that of the one in context. */
function refuseForeign({ request, access }: Turn): void {
  const { type, id, interaction, included } = request;
  if (type !== 'Patient' || id === undefined) return;
  const patient = onlyPatient(allowancesFor(access, type, needsOf(interaction, included)));
  if (patient !== undefined && id !== patient) throw foreignPatient();
}

/** The search as it is asked for, so that each resource found can be judged: all of it. */
function whole(query: SearchQuery): SearchQuery {
  const { summary: _summary, elements: _elements, total, ...rest } = query;
  const applied = rest.applied.filter(([name]) => !SHAPING.includes(name));
  return { ...rest, applied, ...(total === 'none' ? { total } : {}) };
}
