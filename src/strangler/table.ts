import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Clock, Cohort, Logger, Route, RouteAnnouncer, RouteStore, Stage } from '../ports.ts';
import { checkCohort } from './cohort.ts';
import { isSamePerson } from '../person.ts';
import type { RouteSeed } from './problems.ts';
import { changedMeanwhile, seedRoutes } from './seeding.ts';
import type { Stamp } from './seeding.ts';
import { STAGES, isStage, wiringProblem } from './stage.ts';
import type { BackendCapability } from './stage.ts';
import { TRANSITIONS, refusalOf } from './transition.ts';

export interface RouteTableOptions {
  /** The routes of the configuration file. */
  readonly seeds: readonly RouteSeed[];
  readonly store: RouteStore;
  readonly backends: readonly BackendCapability[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Where changes are told to the other replicas, and heard of. Absent: this one is alone. */
  readonly announce?: RouteAnnouncer;
}

/** Who asks for a change, and why. */
export interface Change {
  readonly by: string;
  readonly reason?: string;
  /** The version that whoever asks has seen. */
  readonly ifVersion?: number;
}

export interface StageChange extends Change {
  /** Whom modern answers from then on, when that changes too. */
  readonly cohort?: Cohort;
}

/**
 * What may change of a route besides its stage; `null` takes something away. An empty one is a note: only its reason is
 * new.
 */
export interface RoutePatch {
  readonly cohort?: Cohort | null;
  readonly hold?: Route['hold'] | null;
  readonly retirement?: Route['retirement'] | null;
  readonly owners?: Route['owners'] | null;
  /** The evidence counts anew from this version. */
  readonly fresh?: boolean;
}

/** How every endpoint is answered, now. */
export interface RouteTable {
  get(endpoint: Endpoint): Route | undefined;
  /** All routes, by name. */
  list(): readonly Route[];
  /** All versions of a route, oldest first. @throws FicusError `not-found` */
  history(endpoint: Endpoint): Promise<readonly Route[]>;
  /**
   * Moves an endpoint to a stage; effective for the next request. The same stage again changes nothing. Refused is what
   * nobody may do: to leave `retired`, to enter it without two approvals, to go forward while it is held, to be where
   * the backends cannot serve it. Gates, and one stage at a time, are the business of steps.ts.
   * @throws FicusError `not-found`; `value-invalid`: no such stage; `version-conflict`: changed since `ifVersion`, or
   * by another just now; `unprocessable`: the stage cannot be reached, with the reason in words.
   */
  setStage(endpoint: Endpoint, stage: string, change: StageChange): Promise<Route>;
  /**
   * Changes something else of a route, as a new version.
   * @throws FicusError `not-found`; `value-invalid`; `value-required`: a note without words; `version-conflict`
   */
  change(endpoint: Endpoint, patch: RoutePatch, change: Change): Promise<Route>;
  /** Called after each change; returns the way to stop that. */
  onChange(listener: (route: Route, before: Route) => void): () => void;
  /** Hears of no further changes. */
  close(): void;
}

/** What was announced is read again after this, when the store fails. */
const REREAD_MS = 250;
const REREADS = 20;

/**
 * Loads the table. The configuration says which endpoints there are and how they are wired; the stage is its to say
 * only on the first start: afterwards what was stored wins. A change of wiring is a version of the route like any
 * other, by `config`.
 *
 * @throws FicusError `invalid` with every problem at once: routes that are malformed, or that a backend cannot serve in
 *   their stage.
 */
export async function createRouteTable(options: RouteTableOptions): Promise<RouteTable> {
  const { seeds, store, clock, log, announce } = options;
  const backends = new Map(options.backends.map((backend) => [backend.name, backend]));
  const routes = await seedRoutes({ seeds, store, backends, log, stamp });
  const listeners = new Set<(route: Route, before: Route) => void>();
  const deafen = announce?.subscribe((endpoint, version) => void catchUp(endpoint, version, REREADS));

  function stamp(updatedBy: string, reason: string, version: number): Stamp {
    return { version, updatedAt: new Date(clock.now()).toISOString(), updatedBy, reason };
  }

  function find(endpoint: Endpoint): Route {
    const route = routes.get(endpoint);
    if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
    return route;
  }

  /** The route that a change starts from. */
  function changeable(endpoint: Endpoint, { by, ifVersion }: Change): Route {
    const before = find(endpoint);
    if (by === '') {
      throw new FicusError('value-required', 'A change of a route says who asks for it.', {
        expression: ['by'],
      });
    }
    if (ifVersion !== undefined && ifVersion !== before.version) throw changedMeanwhile(endpoint, before);
    return before;
  }

  async function setStage(endpoint: Endpoint, stage: string, change: StageChange): Promise<Route> {
    const before = changeable(endpoint, change);
    if (!isStage(stage)) {
      throw new FicusError('value-invalid', `"${stage}" is not a stage; there are: ${STAGES.join(', ')}.`, {
        expression: ['stage'],
      });
    }
    if (stage === before.stage) return before;
    refuseStage(before, stage, change.by, backends);
    const { retirement, ...rest } = before;
    const stamped = stamp(change.by, change.reason ?? '', before.version + 1);
    return append({
      ...rest,
      stage,
      ...(change.cohort ? { cohort: checkCohort(change.cohort) } : {}),
      // The first approval belongs to what it approved.
      ...(stage === 'retired' && retirement ? { retirement } : {}),
      since: stamped.updatedAt,
      run: stamped.version,
      ...stamped,
    });
  }

  async function change(endpoint: Endpoint, patch: RoutePatch, asked: Change): Promise<Route> {
    const before = changeable(endpoint, asked);
    const reason = asked.reason ?? '';
    const { fresh, ...members } = patch;
    if (fresh !== true && Object.keys(members).length === 0 && reason.trim() === '')
      throw new FicusError('value-required', 'A note has words.', { expression: ['reason'] });
    if (members.cohort) checkCohort(members.cohort);
    const stamped = stamp(asked.by, reason, before.version + 1);
    const after = { ...before, ...(fresh === true ? { run: stamped.version } : {}), ...stamped };
    return append(patched(after, members));
  }

  async function append(route: Route): Promise<Route> {
    const { endpoint, version } = route;
    if (!(await store.append(route))) {
      const current = (await store.history(endpoint)).at(-1);
      if (current) replace(current);
      throw changedMeanwhile(endpoint, current);
    }
    replace(route);
    announce?.publish(endpoint, version);
    return route;
  }

  /** Effective from here on. */
  function replace(route: Route): void {
    const before = find(route.endpoint);
    // Two changes may come back from the store in either order: the newer one stays.
    if (route.version <= before.version) return;
    routes.set(route.endpoint, route);
    const { endpoint, version, updatedBy: by, reason } = route;
    log.info('route changed', { endpoint, from: before.stage, to: route.stage, by, reason, version });
    for (const listener of listeners) {
      try {
        listener(route, before);
      } catch (error) {
        log.error('a listener for route changes failed', { endpoint, error });
      }
    }
  }

  /** Another replica has changed a route: its new version is read from the store, again and again when that fails. */
  async function catchUp(endpoint: Endpoint, version: number, attempts: number): Promise<void> {
    const behind = () => (routes.get(endpoint)?.version ?? version) < version;
    if (!behind()) return;
    try {
      const newest = (await store.history(endpoint)).at(-1);
      if (newest) replace(newest);
    } catch (error) {
      log.error('an announced route could not be read', { endpoint, version, error });
    }
    if (behind() && attempts > 0) clock.after(REREAD_MS, () => void catchUp(endpoint, version, attempts - 1));
  }

  return {
    get: (endpoint) => routes.get(endpoint),
    list: () => [...routes.values()].toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    history: async (endpoint) => store.history(find(endpoint).endpoint),
    setStage,
    change,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => deafen?.(),
  };
}

function patched(route: Route, members: Omit<RoutePatch, 'fresh'>): Route {
  const { cohort, hold, retirement, owners, ...rest } = { ...route, ...members };
  return {
    ...rest,
    ...(cohort ? { cohort } : {}),
    ...(hold ? { hold } : {}),
    ...(retirement ? { retirement } : {}),
    ...(owners ? { owners } : {}),
  };
}

function refuseStage(
  route: Route,
  stage: Stage,
  by: string,
  backends: ReadonlyMap<string, BackendCapability>,
): void {
  const problem = stageProblem(route, stage, by) ?? wiringProblem(route, stage, backends);
  if (problem === undefined) return;
  throw new FicusError('unprocessable', `${route.endpoint} cannot go to ${stage}: ${problem}.`, {
    expression: ['stage'],
  });
}

function stageProblem(route: Route, stage: Stage, by: string): string | undefined {
  const way = TRANSITIONS[route.stage][stage];
  const { hold, retirement } = route;
  if (way === 'final' || (way === 'skip' && stage === 'retired')) return refusalOf(route.stage, stage);
  if (way !== 'back' && hold) return `${hold.by} holds it: ${hold.reason}`;
  if (stage === 'retired' && (!retirement || isSamePerson(retirement.by, by)))
    return 'that takes two approvals, by different people';
  return undefined;
}
