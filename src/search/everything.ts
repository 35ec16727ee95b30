import { hash } from 'node:crypto';
import { FicusError, toFicusError } from '../errors.ts';
import { findReferences } from '../fhir/found-references.ts';
import { isJsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { EverythingQuery, SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Access } from '../access-ports.ts';
import type { Backend, Clock, FhirResponse, Layer, RequestContext } from '../ports.ts';
import { followed, resourceOf, setOf, type Asked } from './ask.ts';
import { fateOf } from './everything-fate.ts';
import { RecordPage } from './everything-page.ts';
import {
  issuesOfPlan,
  planEverything,
  searchOf,
  strangersOf,
  type EverythingRules,
  type Step,
} from './everything-plan.ts';
import { refusePart } from './federate.ts';
import { referredBy } from './has.ts';
import { readTargets, type Target } from './include.ts';
import type { PageSealer } from './page.ts';
import { invalid } from './values.ts';

export interface EverythingOptions {
  readonly rules: EverythingRules;
  readonly pages: PageSealer;
  readonly clock: Pick<Clock, 'now'>;
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  /** Whether resources of a type can be read here. */
  readonly serves: (type: string) => boolean;
  /** Whether a type is nobody's: what a record refers to of it comes with the record. */
  readonly isShared: (type: string) => boolean;
  /** The one patient that a caller's grants end at; undefined: there is none, or more than one. */
  readonly patientOf: (access: Access | undefined) => string | undefined;
  /**
   * Types without which a record fails (503) rather than be given in part, where they are asked for and the caller may
   * see them.
   */
  readonly failClosed: ReadonlySet<string>;
  /** Most searches for one page; default 50. */
  readonly maxSearches?: number;
  /** Most resources that come with one page because it refers to them; default 200. */
  readonly maxIncluded?: number;
  /**
   * Size of a page, in characters of JSON, at which it ends early; and largest answer of a modern service that is taken
   * apart, in bytes; default 16 MiB.
   */
  readonly maxBytes?: number;
}

/** Where a record goes on: at a step, and where in its search. */
interface Place {
  readonly type: string;
  readonly role: string;
  /** Of a source. */
  readonly page?: string;
  /** Of a modern service. */
  readonly link?: Asked['link'];
}

interface Turn {
  readonly context: RequestContext;
  readonly wanted: EverythingQuery;
  readonly patient: string;
  readonly page: RecordPage;
}

/** Share of the time that is left, after which no further search of a page begins; and that one search may take. */
const PAGE_SHARE = 0.5;
const SEARCH_SHARE = 0.7;
const READS_AT_ONCE = 4;

/**
 * The Layer of `Patient/[id]/$everything`: a Patient, then search after search for what is in its compartment, and with
 * each page what that refers to and is nobody's. Each read and each search goes the way that a client's would, so that
 * nothing is in the answer which those would not give.
 *
 * A page ends when it is full, or when half of the time is gone: then its `next` link goes on there. What cannot be had
 * is said by type, never left out silently; without a type of `failClosed` there is no answer. The patient is read
 * again for every page.
 *
 * @throws FicusError as the read of the Patient; `incomplete` (503); `search-unsupported` (no patient is named, and
 * there is not one in the caller's context) FHIR R4 patient-operation-everything.html
 */
export function everything(options: EverythingOptions): Layer {
  const { pages, clock, base, serves, isShared, patientOf, failClosed, rules } = options;
  const { maxSearches = 50, maxIncluded = 200, maxBytes = 16 * 1024 * 1024 } = options;
  const plan = planEverything(rules);
  const isKnown = (type: string): boolean =>
    type === 'Patient' || (isShared(type) && serves(type)) || plan.steps.some((step) => step.type === type);

  return (next) => {
    return {
      handle(request, context) {
        if (request.interaction !== 'everything') return next.handle(request, context);
        const { query, everything: wanted, id } = request;
        if (!query || !wanted) throw new FicusError('internal', 'A record was asked for without its query.');
        if (request.handling === 'strict')
          refuseStrangers(strangersOf(wanted.types, plan.unsearched, isKnown));
        const patient = id ?? patientOf(context.principal.access);
        if (patient === undefined) throw nobodyNamed();
        const until = clock.now() + (context.deadline - clock.now()) * PAGE_SHARE;
        const limits = { count: query.count ?? 1, until, maxSearches, maxSize: maxBytes };
        const page = new RecordPage(limits, wanted.since, clock);
        return pageOf(query, { context, wanted, patient, page });
      },
    };

    async function pageOf(query: SearchQuery, turn: Turn): Promise<FhirResponse> {
      const { wanted, patient, page } = turn;
      const isWanted = (type: string): boolean => wanted.types?.includes(type) ?? true;
      const binding = bindingOf(turn);
      // First of all: who may not see the Patient is not told whose a page is either.
      const resource = await readPatient(next, turn);
      let place = query.page === undefined ? undefined : (pages.open(query.page, binding) as Place);
      const names = new Set([patient, ...survivorsOf(resource, base)]);
      const steps = plan.steps.filter(({ type }) => isWanted(type));
      let at = place ? steps.findIndex(({ type, role }) => type === place?.type && role === place.role) : 0;
      if (at < 0) throw changed();
      if (!place) {
        for (const issue of issuesOfPlan(plan, wanted, isKnown)) page.say(issue);
        if (isWanted('Patient')) page.add([resource]);
      }
      for (; at < steps.length && !page.isFull(); at = place ? at : at + 1)
        place = await searched(steps[at]!, place, names, turn);
      const step = steps[at];
      await include(turn, isWanted);
      return page.answer(step && pages.seal(place ?? { type: step.type, role: step.role }, binding));
    }

    /** Adds what one search finds to the page. @returns where it goes on; undefined: that was all */
    async function searched(
      step: Step,
      place: Place | undefined,
      names: ReadonlySet<string>,
      { context, wanted, patient, page }: Turn,
    ): Promise<Place | undefined> {
      const { type, role, before } = step;
      page.searching();
      const query = searchOf(step, patient, wanted, page.room());
      const asked = place?.link
        ? followed(query, place.link)
        : place?.page === undefined
          ? query
          : { ...query, page: place.page };
      const deadline = context.deadline - (context.deadline - clock.now()) * (1 - SEARCH_SHARE);
      // That one side can search by a further role and the other cannot is no difference between their answers: nobody
      // is to compare them.
      const compared = before.length > 0 ? { afterwards: () => {} } : {};
      try {
        const request = {
          interaction: 'search',
          type,
          query: asked,
          handling: 'strict',
          included: true,
        } as const;
        const response = await next.handle(request, { ...context, ...compared, deadline });
        const { set, link } = await setOf(response, maxBytes);
        if (failClosed.has(type)) refusePart(set.issues);
        page.served(response);
        for (const issue of set.issues) page.say(issue);
        // What an earlier step has found was given there.
        const given = (it: Resource): boolean =>
          before.some((other) => referredBy(it, other, 'Patient', base).some((id) => names.has(id)));
        page.add(set.matches.filter((it) => !given(it)));
        if (link) return { type, role, link };
        return set.next === undefined ? undefined : { type, role, page: set.next };
      } catch (thrown) {
        const error = toFicusError(thrown);
        const fate = fateOf(error, step);
        if (!fate || context.signal.aborted) throw error;
        if (fate.isMissing) {
          context.log.warn('a part of a record could not be had', { resourceType: type, error });
          if (failClosed.has(type)) refusePart([{ ...fate.issue, code: 'incomplete' }]);
        }
        page.say(fate.issue);
        return undefined;
      }
    }

    /** Adds what the page refers to, here, and is nobody's. */
    async function include({ context, page }: Turn, isWanted: (type: string) => boolean): Promise<void> {
      const targets = new Map<string, Target>();
      for (const { reference } of page.matches.flatMap(findReferences)) {
        const parsed = parseReference(reference);
        const here = parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base);
        if (!here || !isShared(parsed.type) || !isWanted(parsed.type)) continue;
        targets.set(`${parsed.type}/${parsed.id}`, { type: parsed.type, id: parsed.id });
      }
      const reading = { serves, maxIncluded, concurrency: READS_AT_ONCE, maxBytes };
      const read = await readTargets([...targets.values()], next, context, reading);
      if ([...read.missing].some((type) => failClosed.has(type))) refusePart(read.issues);
      page.include(read);
    }
  };

  /** The Patient, as its read gives it. */
  async function readPatient(next: Backend, { context, patient, page }: Turn): Promise<Resource> {
    const request = { interaction: 'read', type: 'Patient', id: patient, handling: 'lenient' } as const;
    const response = await next.handle(request, context);
    const resource = await resourceOf(response, maxBytes);
    if (!resource) throw new FicusError('not-found', 'There is no Patient with this id.');
    page.served(response);
    return resource;
  }
}

/** What a page's token is good for: the caller, the patient, and what is asked for, the size of a page left out. */
function bindingOf({ context, patient, wanted }: Turn): string {
  const { start, end, since, types } = wanted;
  const all = [context.principal.key, 'everything', patient, start, end, since, types];
  return hash('sha256', JSON.stringify(all), 'base64url');
}

/** Ids of the patients that one was merged into: what is found by its id may be theirs. */
function survivorsOf({ link }: Resource, base: string): string[] {
  return (Array.isArray(link) ? link : []).flatMap((one) => {
    if (!isJsonObject(one) || one['type'] !== 'replaced-by' || !isJsonObject(one['other'])) return [];
    const { reference } = one['other'];
    const parsed = typeof reference === 'string' ? parseReference(reference) : undefined;
    const here = parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base);
    return here && parsed.type === 'Patient' ? [parsed.id] : [];
  });
}

function refuseStrangers(types: readonly string[]): void {
  if (types.length > 0) throw invalid('_type', `No part of a record here: ${types.join(', ')}.`);
}

function nobodyNamed(): FicusError {
  const words = 'There is not one patient in your context: ask for Patient/[id]/$everything.';
  return new FicusError('search-unsupported', words);
}

function changed(): FicusError {
  const words = 'What a record is made of has changed. Start it again without the page token.';
  return new FicusError('page-expired', words, { expression: ['_page'] });
}
