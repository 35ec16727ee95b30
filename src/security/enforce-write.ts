import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { answerWith } from '../resilience/answer-with.ts';
import { beforeWrite } from '../resilience/interaction.ts';
import { versionIdOf } from '../resilience/versioned.ts';
import { askAll, resourceOf } from '../search/ask.ts';
import type { Permission } from '../security-ports.ts';
import { notThere } from './enforce-answer.ts';
import type { Turn } from './enforce-answer.ts';
import { refuseForeignReferences } from './enforce-references.ts';
import { SEEING, createWriteAnswers } from './enforce-written.ts';
import { narrow } from './narrow.ts';
import { allowancesFor } from './permissions.ts';
import type { Sight } from './visible.ts';
import { refused } from './enforce-notice.ts';

export interface WriteOptions {
  readonly next: Backend;
  readonly sight: Sight;
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  readonly maxBytes: number;
  /** Whether whoever does a write knows the versions of whoever answered a read (`X-Served-By`). */
  readonly knowsVersions: (request: FhirRequest, context: RequestContext, readBy: string) => boolean;
}

const PRECONDITION_FAILED = 412;
/** Most resources that criteria may find: beyond, they are no criteria. */
const MOST_MATCHES = 100;

/** The writes of callers who may not write everything. */
export interface Writes {
  /**
   * @throws FicusError `forbidden` for content that no grant allows, `not-found` for an update of what may not be seen
   * or is not there
   */
  handle(turn: Turn): Promise<FhirResponse>;
}

export function createWrites({ next, sight, base, maxBytes, knowsVersions }: WriteOptions): Writes {
  const answerTo = createWriteAnswers({ sight, maxBytes });
  return {
    async handle(turn) {
      const { interaction, ifNoneExist, id, query } = turn.request;
      if (interaction === 'create') return ifNoneExist ? createUnless(ifNoneExist, turn) : written(turn, 'c');
      if (id !== undefined) return updateOne(turn);
      if (!query) throw new FicusError('invalid', 'An update names a resource, by id or by criteria.');
      return updateBy(query, turn);
    },
  };

  /** Conditional create (FHIR R4 http.html#ccreate): only what the caller may know of can be in its way. */
  async function createUnless(criteria: SearchQuery, turn: Turn): Promise<FhirResponse> {
    await refuseContent(turn, 'c');
    const { ifNoneExist: _criteria, ...plain } = turn.request;
    const found = await matchesOf(criteria, turn, ['c', ...SEEING]);
    const [match] = found.visible;
    if (match) return onlyOne(found.visible) && answerTo(answerWith(match, 200, found.servedBy), turn);
    // The backend would find what the caller may not know of: it is not asked to look.
    const request = found.hidden ? plain : { ...plain, ifNoneExist: found.narrowed };
    return written({ ...turn, request }, 'c');
  }

  /** Conditional update (FHIR R4 http.html#cond-update). */
  async function updateBy(criteria: SearchQuery, turn: Turn): Promise<FhirResponse> {
    const found = await matchesOf(criteria, turn, ['u']);
    const { query: _criteria, ...plain } = turn.request;
    const [match] = found.visible;
    if (!match) {
      const request: FhirRequest = found.hidden
        ? { ...plain, interaction: 'create' }
        : { ...plain, query: found.narrowed };
      // An id of the client's own choice may be somebody else's.
      if (plain.resource?.id !== undefined) throw notThere(plain);
      // Whoever writes would say so, too, where it is asked to look.
      if (plain.ifMatch !== undefined) throw new FicusError('version-conflict', 'There is no current version to match.', { expression: ['If-Match'] }); // prettier-ignore
      await refuseContent({ ...turn, request }, 'u');
      return written({ ...turn, request }, 'c');
    }
    onlyOne(found.visible);
    const { id } = match;
    const { resource } = plain;
    if (id === undefined || (resource?.id !== undefined && resource.id !== id))
      throw new FicusError('invalid', 'The id of the resource is not that of the one match of the criteria.');
    return updateOne({
      ...turn,
      request: { ...plain, id, ...(resource ? { resource: { ...resource, id } } : {}) },
    });
  }

  /**
   * The present state must be one that the caller may change, and the new one, too. It is still that when it is
   * written, where whoever writes knows its version: what changed in between is judged once more.
   * @throws FicusError `conflict` for what changes again and again
   */
  async function updateOne(turn: Turn, tries = 2): Promise<FhirResponse> {
    const { request, context, access } = turn;
    const { type, id, handling } = request;
    const read: FhirRequest = { interaction: 'read', type, handling, ...(id === undefined ? {} : { id }) };
    const { response, present } = await asked(async () => {
      const answer = await next.handle(read, context);
      return { response: answer, present: await resourceOf(answer, maxBytes) };
    }, read);
    if (!present) throw notThere(read);
    const verdict = sight.judge(access, present, ['u']);
    if (verdict !== 'seen') throw refused(verdict, turn) ?? notThere(read);
    const version = tagOf(response) ?? versionIdOf(present);
    const isChosen = request.ifMatch !== undefined || request.attempt?.doubtful !== undefined;
    if (isChosen || version === undefined || !knowsVersions(request, context, response.servedBy))
      return written(turn, 'u');
    const answer = await unchanged({ ...turn, request: { ...request, ifMatch: version } });
    if (answer) return answer;
    if (tries > 1) return updateOne(turn, tries - 1);
    throw new FicusError('conflict', 'Others were changing this resource at the same time. Nothing was written; try again.'); // prettier-ignore
  }

  /** Writes what is of the version given; undefined: it was not, nothing was written. */
  async function unchanged(turn: Turn): Promise<FhirResponse | undefined> {
    let answer: FhirResponse;
    try {
      answer = await written(turn, 'u');
    } catch (error) {
      if (error instanceof FicusError && error.code === 'version-conflict') return undefined;
      throw error;
    }
    if (answer.status !== PRECONDITION_FAILED) return answer;
    if (answer.body.kind === 'pipe') answer.body.discard();
    return undefined;
  }

  async function written(turn: Turn, permission: Permission): Promise<FhirResponse> {
    await refuseContent(turn, permission);
    // The bytes of the client are not what was judged: the resource is sent.
    const { body: _bytes, bodyLength: _length, ...request } = turn.request;
    return answerTo(await next.handle(request, turn.context), turn);
  }

  /**
   * @throws FicusError `forbidden` for content that no grant reaches, or that is about another patient; `value-invalid`
   * for a reference to what is not the patient's
   */
  async function refuseContent({ request, context, access }: Turn, permission: Permission): Promise<void> {
    const { resource, type } = request;
    if (!resource) throw new FicusError('internal', 'A write whose content has to be judged came undecoded.');
    if (resource.resourceType !== type) throw outside();
    const reaching = allowancesFor(access, type, [permission]).filter((it) => sight.reaches(it, resource));
    if (reaching.length === 0) throw outside();
    const patients = reaching.map(({ patient }) => patient);
    if (patients.includes(undefined)) return;
    const [patient = ''] = patients;
    const isWithheld = (it: Resource): boolean => sight.withholds(access, it);
    const options = { patient, base, next, context, maxBytes, isWithheld };
    await asked(() => refuseForeignReferences(resource, options));
  }

  /** What criteria find, narrowed to what the caller may know of. */
  async function matchesOf(
    criteria: SearchQuery,
    { request, context, access }: Turn,
    by: readonly Permission[],
  ): Promise<Found> {
    refuseFollowing(criteria);
    const { type } = request;
    const narrowed = narrow(criteria, allowancesFor(access, type, by));
    const { filters, applied, ignored } = narrowed;
    const query: SearchQuery = { type, filters, applied, ignored, sort: [], include: [], count: 10 };
    const found = await asked(() => askAll(next, query, context, MOST_MATCHES, maxBytes));
    if (!found)
      throw new FicusError(
        'too-costly',
        'The criteria match too widely to tell whether there is one resource.',
      );
    const { matches } = found.set;
    const visible = matches.filter((it) => sight.judge(access, it, by) === 'seen');
    return { narrowed, visible, hidden: visible.length < matches.length, servedBy: found.servedBy };
  }
}

interface Found {
  readonly narrowed: SearchQuery;
  readonly visible: readonly Resource[];
  /** Whether something else matches, too. */
  readonly hidden: boolean;
  readonly servedBy: string;
}

/** What comes before a write: whatever it ends with, nothing was written. */
async function asked<T>(work: () => Promise<T>, read?: FhirRequest): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (read && error instanceof FicusError && error.code === 'not-found') throw notThere(read);
    throw beforeWrite(error);
  }
}

function onlyOne(visible: readonly Resource[]): true {
  if (new Set(visible.map(({ id }) => id)).size === 1) return true;
  throw new FicusError('multiple-matches', 'More than one resource matches the criteria.');
}

/** Who decides about a write by criteria would follow a chain without asking what the caller may see. */
function refuseFollowing({ filters }: SearchQuery): void {
  if (!filters.some(({ chain, has }) => chain || has)) return;
  throw new FicusError(
    'search-unsupported',
    'Criteria of this caller cannot follow references to other resources.',
  );
}

/** The version in an answer's ETag. */
function tagOf({ headers }: FhirResponse): string | undefined {
  return headers['etag']?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}

function outside(): FicusError {
  return new FicusError('forbidden', 'No scope of this token allows to write this content.', {
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
  });
}
