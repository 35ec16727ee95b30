import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Clock } from '../ports.ts';
import { compileFilters } from '../search/match.ts';
import type { Match } from '../search/match.ts';
import type { CallersSight } from '../search/federate.ts';
import type { TimeZone } from '../search/time-zone.ts';
import type { Access, Permission, Withheld, Withholding } from '../security-ports.ts';
import { inCompartment } from './compartment.ts';
import { onlyPatient } from './narrow.ts';
import { allowancesFor, needsOf, reachesAll } from './permissions.ts';
import type { Allowance } from './permissions.ts';

export interface SightOptions {
  /** This server's own base address, without a slash at its end. */
  readonly base: string;
  /** Zone of dates without an offset. */
  readonly zone: TimeZone;
  readonly clock: Pick<Clock, 'now'>;
  /** Keeps back what labels and consents do not let a caller have; absent: nothing is. */
  readonly withholding?: Withholding;
}

/** What a caller may see of a resource: it, nothing, or nothing because it is kept back. */
export type Verdict = 'seen' | 'hidden' | Withheld;

/** Which resources a caller may see: the one place where that is decided. */
export interface Sight {
  /**
   * Whether one grant reaches a resource: type, compartment and constraints hold, and it allows one of the permissions.
   * What is contained in a resource goes with it.
   */
  reaches(allowance: Allowance, resource: Resource): boolean;
  /** @param together what would leave in the same answer */
  judge(
    access: Access,
    resource: Resource,
    permissions: readonly Permission[],
    together?: readonly Resource[],
  ): Verdict;
  /** Whether everything of a type may leave without being looked at. */
  isClear(access: Access, type: string, permissions: readonly Permission[]): boolean;
  /** Whether a label or a consent keeps a resource from a caller, whatever the grants. */
  withholds(access: Access, resource: Resource): boolean;
  /** Whether labels or consents may keep anything from a caller. */
  mayKeepBack(access: Access): boolean;
  /** Whether everything that a search can answer with may. */
  isClearSearch(access: Access, query: SearchQuery, included: boolean): boolean;
}

export function createSight({ base, zone, clock, withholding }: SightOptions): Sight {
  const compiled = new WeakMap<readonly SearchFilter[], Match>();

  function meets(constraints: readonly SearchFilter[], resource: Resource): boolean {
    if (constraints.length === 0) return true;
    let match = compiled.get(constraints);
    if (!match) {
      match = compileFilters(resource.resourceType, constraints, { zone, now: clock.now(), base });
      compiled.set(constraints, match);
    }
    return match(resource);
  }

  const sight: Sight = {
    reaches: ({ patient, constraints }, resource) =>
      (patient === undefined || inCompartment(resource, patient, base)) && meets(constraints, resource),
    judge(access, resource, permissions, together) {
      const allowances = allowancesFor(access, resource.resourceType, permissions);
      if (!allowances.some((allowance) => sight.reaches(allowance, resource))) return 'hidden';
      return withholding?.of(resource, access, together) ?? 'seen';
    },
    isClear: (access, type, permissions) =>
      reachesAll(access, type, permissions) && !sight.mayKeepBack(access),
    withholds: (access, resource) => withholding?.of(resource, access) !== undefined,
    mayKeepBack: (access) => withholding !== undefined && !withholding.nothingFor(access),
    isClearSearch(access, { type, include, revinclude = [] }, included) {
      if (include.length > 0 || !sight.isClear(access, type, needsOf('search', included))) return false;
      return revinclude.every(({ source }) => sight.isClear(access, source, needsOf('search', true)));
    },
  };
  return sight;
}

/** What federation must know of a caller: what it may ask of others as a whole, and by id. */
export function callersSight(sight: Sight): CallersSight {
  return {
    seesAll: (access, type) => sight.isClear(access, type, FINDING),
    mayName(access, type, id) {
      const patient = type === 'Patient' ? onlyPatient(allowancesFor(access, type, FINDING)) : undefined;
      return patient === undefined || patient === id;
    },
  };
}

const FINDING: readonly Permission[] = ['s'];
