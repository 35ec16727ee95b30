import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Logger, Route, RouteStore } from '../ports.ts';
import { routeProblems } from './problems.ts';
import type { RouteProblem, RouteSeed } from './problems.ts';
import { wiringProblems } from './stage.ts';
import type { BackendCapability } from './stage.ts';

/** Who changed a route, when, why: what every version of it carries. */
export type Stamp = Pick<Route, 'version' | 'updatedAt' | 'updatedBy' | 'reason'>;

interface Seeding {
  readonly seeds: readonly RouteSeed[];
  readonly store: RouteStore;
  readonly backends: ReadonlyMap<string, BackendCapability>;
  readonly log: Logger;
  readonly stamp: (by: string, reason: string, version: number) => Stamp;
}

/**
 * The routes that the configuration lists, as they are now: wired by the configuration, in the stage (with cohort and
 * hold) that is stored. A new wiring is appended as a version of the route by `config`.
 *
 * @throws FicusError `invalid` with every problem at once; `version-conflict` when another process starts at this
 *   moment
 */
export async function seedRoutes({
  seeds,
  store,
  backends,
  log,
  stamp,
}: Seeding): Promise<Map<Endpoint, Route>> {
  const stored = new Map((await store.load()).map((route) => [route.endpoint, route]));
  const wanted = seeds.map((seed) => wantedOf(seed, stored.get(seed.endpoint)));
  refuseProblems([...routeProblems(seeds, backends), ...storedProblems(seeds, wanted, backends)]);
  const routes = new Map<Endpoint, Route>();
  for (const [index, seed] of wanted.entries()) {
    const { endpoint } = seed;
    const before = stored.get(endpoint);
    const configured = seeds[index]?.stage;
    if (configured !== seed.stage) {
      log.info('the stored stage wins over the configuration', {
        endpoint,
        from: configured,
        to: seed.stage,
      });
    }
    if (before && sameWiring(before, seed)) routes.set(endpoint, before);
    else {
      const route = before ? rewired(seed, before, stamp) : firstOf(seed, stamp);
      if (!(await store.append(route))) throw changedMeanwhile(endpoint);
      routes.set(endpoint, route);
    }
  }
  for (const endpoint of stored.keys()) {
    if (!routes.has(endpoint))
      log.warn('a stored route is not in the configuration: not routed', { endpoint });
  }
  return routes;
}

/** The stage is what is stored; so are owners that the configuration does not name. */
function wantedOf(seed: RouteSeed, before: Route | undefined): RouteSeed {
  if (!before) return seed;
  const owners = { ...before.owners, ...seed.owners };
  return { ...seed, stage: before.stage, ...(Object.keys(owners).length === 0 ? {} : { owners }) };
}

function firstOf(seed: RouteSeed, stamp: Seeding['stamp']): Route {
  const stamped = stamp('config', 'first start', 1);
  return { ...seed, since: stamped.updatedAt, run: 1, ...stamped };
}

/** What was seen of one backend is no evidence for another: with a new one it counts anew. */
function rewired(seed: RouteSeed, before: Route, stamp: Seeding['stamp']): Route {
  const stamped = stamp('config', 'the configuration changed its wiring', before.version + 1);
  const sameBackends = before.legacy === seed.legacy && before.modern === seed.modern;
  const approved = sameBackends || before.stage === 'retired';
  return {
    ...seed,
    ...(before.cohort ? { cohort: before.cohort } : {}),
    ...(before.hold ? { hold: before.hold } : {}),
    ...(before.retirement && approved ? { retirement: before.retirement } : {}),
    since: before.since,
    run: sameBackends ? before.run : stamped.version,
    ...stamped,
  };
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

/**
 * Stored stages that the wiring of the configuration can no longer serve; seeds with the same fault have said so
 * already.
 */
function storedProblems(
  seeds: readonly RouteSeed[],
  wanted: readonly RouteSeed[],
  backends: ReadonlyMap<string, BackendCapability>,
): RouteProblem[] {
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

function refuseProblems(problems: readonly RouteProblem[]): void {
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

/** @param current the route as it is now, when that is known */
export function changedMeanwhile(endpoint: Endpoint, current?: Route): FicusError {
  const now = current
    ? ` It is at version ${current.version}, ${current.stage}, by ${current.updatedBy}.`
    : '';
  return new FicusError('version-conflict', `The route of ${endpoint} was changed by another.${now}`);
}
