import { patientOfQuery, patientOfRequest } from '../fhir/patient.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Concern, Pins } from '../migration-ports.ts';
import type { FhirRequest, Principal, Route, Side } from '../ports.ts';
import { inCohort, isByPatient } from './cohort.ts';
import { sideOf } from './stage.ts';

/** What a choice between two sides is made by. */
export interface Choosing {
  /** Of the keyed hash that divides a canary. */
  readonly cohortKey: Uint8Array;
  /** Which side has not seen which writes. Absent: each has seen all. */
  readonly pins?: Pins;
}

/**
 * The side that answers a request (or does a write) now: that of the stage, in canary that of the cohort. While it has
 * not seen a write that was accepted, and the other side has, the other one answers. When both have missed some, a
 * search is legacy's, whose answer can say so.
 *
 * @param choosing absent: nothing but the stage decides
 */
export function chooseSide(
  route: Route,
  request: FhirRequest,
  principal: Principal,
  choosing: Choosing | undefined,
): Side {
  const { stage, legacy, modern } = route;
  if (!choosing || legacy === undefined || modern === undefined || stage === 'retired') return sideOf(stage);
  const own = stage === 'canary' ? sideInCanary(route, request, principal, choosing) : sideOf(stage);
  const began = request.query && sideOfPage(request.query);
  // A search goes on where it began: the other side cannot read the token of its page.
  if (began !== undefined && (began === own || stage === 'canary' || stage === 'modern')) return began;
  if (!isBehind(choosing.pins, own, request)) return own;
  const other = own === 'legacy' ? 'modern' : 'legacy';
  if (!isBehind(choosing.pins, other, request)) return other;
  return request.interaction === 'search' ? 'legacy' : own;
}

/**
 * Whether a request is legacy's, and would be whoever sent it. In canary it is where the cohort goes by patients alone:
 * where facilities or clients differ, two of them may write about one patient on two sides, and neither of them would
 * ever see the other side's writes arrive. A tester who chose a side says nothing of the others.
 */
export function isLegacys(
  route: Route,
  request: FhirRequest,
  principal: Principal,
  choosing: Pick<Choosing, 'cohortKey'>,
): boolean {
  const { stage, cohort } = route;
  if (stage !== 'canary') return sideOf(stage) === 'legacy';
  if (principal.side !== undefined || !isByPatient(cohort)) return false;
  // A share of requests that name no patient is one of clients.
  if (cohort && cohort.percent > 0 && patientOfRequest(request) === undefined) return false;
  return sideInCanary(route, request, principal, choosing) === 'legacy';
}

/**
 * The side that an earlier attempt of a write without a known outcome was sent to: only that side can say whether it
 * was done, wherever the route has gone since. undefined: there is none, or it is off.
 */
export function sideOfAttempt({ stage, legacy, modern }: Route, { attempt }: FhirRequest): Side | undefined {
  if (!attempt?.doubtful || attempt.backend === undefined || stage === 'retired') return undefined;
  if (legacy === undefined || modern === undefined) return undefined;
  if (attempt.backend === legacy) return 'legacy';
  return attempt.backend === modern ? 'modern' : undefined;
}

function sideInCanary(
  route: Route,
  request: FhirRequest,
  { key, client, facility, side }: Principal,
  { cohortKey }: Pick<Choosing, 'cohortKey'>,
): Side {
  if (side !== undefined) return side;
  const who = { type: request.type, patient: patientOfRequest(request), client, facility, caller: key };
  return inCohort(route.cohort, who, cohortKey) ? 'modern' : 'legacy';
}

/**
 * Whether a side has not seen writes that concern a request: of its resource or its patient; of a search (or criteria)
 * that names no patient, any of the type.
 */
export function isBehind(pins: Pins | undefined, side: Side, request: FhirRequest): boolean {
  // Mostly nothing of a type is owed: then there is nothing to find out.
  if (!pins?.behind(side, { type: request.type })) return false;
  const concern = concernOf(request);
  return concern !== undefined && pins.behind(side, concern);
}

/** What a request is of: its resource and its patient, or all of its type; undefined: nothing that is there yet. */
export function concernOf(request: FhirRequest): Concern | undefined {
  const { type, id, interaction, ifNoneExist } = request;
  const patient = patientOfRequest(request) ?? (ifNoneExist && patientOfQuery(ifNoneExist));
  if (id !== undefined || patient !== undefined) {
    return { type, ...(id === undefined ? {} : { id }), ...(patient === undefined ? {} : { patient }) };
  }
  // A new resource of nobody waits for nothing.
  return interaction === 'create' && !ifNoneExist ? undefined : { type };
}

/**
 * A page of a modern service goes on by a parameter of its own, or by its `next` link, sealed by federation as `u.…`.
 */
const SEALED_LINK = 'u.';

/** The side whose answer offered the page that is asked for; undefined: none is. */
function sideOfPage({ page, applied }: SearchQuery): Side | undefined {
  if (page === undefined) return undefined;
  const modern = page.startsWith(SEALED_LINK) || applied.some(([, value]) => value === page);
  return modern ? 'modern' : 'legacy';
}
