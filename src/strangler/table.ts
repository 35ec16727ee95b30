import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Clock, Logger, Route, RouteStore, Stage } from '../ports.ts';
import { routeProblems } from './problems.ts';
import type { RouteSeed } from './problems.ts';
import { STAGES, isStage, wiringProblem, wiringProblems } from './stage.ts';
import type { BackendCapability } from './stage.ts';

export interface RouteTableOptions {
  /** The routes of the configuration file. */
  readonly seeds: readonly RouteSeed[];
  readonly store: RouteStore;
  readonly backends: readonly BackendCapability[];
  readonly clock: Clock;
  readonly log: Logger;
}

interface StageChange {
  /** Who asks for it. */
  readonly by: string;
  readonly reason?: string;
  /** The version that whoever asks has seen. */
  readonly ifVersion?: number;
}

/** How every endpoint is answered, now. */
export interface RouteTable {
  get(endpoint: Endpoint): Route | undefined;
  /** All routes, by name. */
  list(): readonly Route[];
  /** All versions of a route, oldest first. @throws FicusError `not-found` */
  history(endpoint: Endpoint): Promise<readonly Route[]>;
  /**
   * Moves an endpoint to a stage; effective for the next request. The same stage again changes nothing.
   * @throws FicusError `not-found`; `value-invalid`: no such stage; `version-conflict`: changed since `ifVersion`, or by another just now;
   * `unprocessable`: the stage cannot be reached, with the reason in words.
   */
  setStage(endpoint: Endpoint, stage: string, change: StageChange): Promise<Route>;
  /** Called after each change; returns the way to stop that. */
  onChange(listener: (route: Route, before: Route) => void): () => void;
}

/**
 * Loads the table. The configuration says which endpoints there are and how they are wired; the stage is its to say only on the first start: afterwards
 * what was stored wins. A change of wiring is a version of the route like any other, by `config`.
 *
 * @throws FicusError `invalid` with every problem at once: routes that are malformed, or that a backend cannot serve in their stage.
 */
export async function createRouteTable(options: RouteTableOptions): Promise<RouteTable> {
  const { seeds, store, clock, log } = options;
  const backends = new Map(options.backends.map((backend) => [backend.name, backend]));
  const stored = new Map((await store.load()).map((route) => [route.endpoint, route]));
  const wanted = seeds.map((seed) => ({ ...seed, stage: stored.get(seed.endpoint)?.stage ?? seed.stage }));
  refuseProblems([...routeProblems(seeds, backends), ...storedProblems(seeds, wanted, backends)]);

  const routes = new Map<Endpoint, Route>();
  for (const seed of wanted) {
    const before = stored.get(seed.endpoint);
    const configured = seeds.find(({ endpoint }) => endpoint === seed.endpoint)?.stage;
    if (configured !== seed.stage) {
      log.info('the stored stage wins over the configuration', {
        endpoint: seed.endpoint,
        from: configured,
        to: seed.stage,
      });
    }
    routes.set(seed.endpoint, before && sameWiring(before, seed) ? before : await seedRoute(seed, before));
  }
  for (const endpoint of stored.keys()) {
    if (!routes.has(endpoint))
      log.warn('a stored route is not in the configuration: not routed', { endpoint });
  }
  const listeners = new Set<(route: Route, before: Route) => void>();

  async function seedRoute(seed: RouteSeed, before: Route | undefined): Promise<Route> {
    const reason = before ? 'the configuration changed its wiring' : 'first start';
    const stamped = stamp('config', reason, (before?.version ?? 0) + 1);
    const route: Route = {
      ...seed,
      ...(before?.cohort ? { cohort: before.cohort } : {}),
      ...(before?.hold ? { hold: before.hold } : {}),
      ...(before?.retirement ? { retirement: before.retirement } : {}),
      since: before?.since ?? stamped.updatedAt,
      run: before?.run ?? stamped.version,
      ...stamped,
    };
    if (!(await store.append(route))) throw changedMeanwhile(route.endpoint);
    return route;
  }

  function stamp(updatedBy: string, reason: string, version: number) {
    return { version, updatedAt: new Date(clock.now()).toISOString(), updatedBy, reason };
  }

  function find(endpoint: Endpoint): Route {
    const route = routes.get(endpoint);
    if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
    return route;
  }

  async function setStage(endpoint: Endpoint, stage: string, change: StageChange): Promise<Route> {
    const before = find(endpoint);
    if (change.by === '')
      throw new FicusError('value-required', 'A change of a route says who asks for it.', {
        expression: ['by'],
      });
    if (!isStage(stage)) {
      const stages = STAGES.join(', ');
      throw new FicusError('value-invalid', `"${stage}" is not a stage; there are: ${stages}.`, {
        expression: ['stage'],
      });
    }
    if (change.ifVersion !== undefined && change.ifVersion !== before.version)
      throw changedMeanwhile(endpoint, before);
    if (stage === before.stage) return before;
    refuseTransition(before, stage, backends);
    const stamped = stamp(change.by, change.reason ?? '', before.version + 1);
    const route: Route = { ...before, stage, since: stamped.updatedAt, run: stamped.version, ...stamped };
    if (!(await store.append(route))) {
      const current = (await store.history(endpoint)).at(-1);
      if (current) replace(current);
      throw changedMeanwhile(endpoint, current);
    }
    replace(route);
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

  return {
    get: (endpoint) => routes.get(endpoint),
    list: () => [...routes.values()].toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    history: async (endpoint) => store.history(find(endpoint).endpoint),
    setStage,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Stored stages that the wiring of the configuration can no longer serve; seeds with the same fault have said so already. */
function storedProblems(
  seeds: readonly RouteSeed[],
  wanted: readonly RouteSeed[],
  backends: ReadonlyMap<string, BackendCapability>,
) {
  const said = new Set(routeProblems(seeds, backends).map((one) => one.message));
  return wanted.flatMap((seed, index) => {
    if (seed.stage === seeds[index]?.stage) return [];
    return wiringProblems(seed, seed.stage, backends)
      .filter(({ message }) => !said.has(message))
      .map(({ side, message }) => ({
        path: `routes.${index}.${side}`,
        message: `${message}, but its stored stage is ${seed.stage}`,
      }));
  });
}

function refuseProblems(problems: readonly { readonly path: string; readonly message: string }[]): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ path, message }) => `${path}: ${message}`);
  throw new FicusError('invalid', `The routes have ${problems.length} problem(s):\n${lines.join('\n')}`, {
    issues: problems.map(({ path, message }) => ({
      severity: 'error',
      code: 'invalid',
      diagnostics: message,
      expression: [path],
    })),
  });
}

function refuseTransition(
  route: Route,
  stage: Stage,
  backends: ReadonlyMap<string, BackendCapability>,
): void {
  const problem =
    route.stage === 'retired' ? 'what is retired stays retired' : wiringProblem(route, stage, backends);
  if (problem !== undefined) {
    throw new FicusError('unprocessable', `${route.endpoint} cannot go to ${stage}: ${problem}.`, {
      expression: ['stage'],
    });
  }
}

function changedMeanwhile(endpoint: Endpoint, current?: Route): FicusError {
  const now = current
    ? ` It is at version ${current.version}, ${current.stage}, by ${current.updatedBy}.`
    : '';
  return new FicusError('version-conflict', `The route of ${endpoint} was changed by another.${now}`);
}

function sameWiring(route: Route, seed: RouteSeed): boolean {
  return (
    route.legacy === seed.legacy &&
    route.modern === seed.modern &&
    route.body === seed.body &&
    route.owners?.technical === seed.owners?.technical &&
    route.owners?.clinical === seed.owners?.clinical
  );
}
