import type { Endpoint } from '../fhir/types.ts';
import type { Route, Side } from '../ports.ts';
import { isStage, sideProblem, wiringProblems } from './stage.ts';
import type { BackendCapability } from './stage.ts';

/** A row of the configuration file. */
export type RouteSeed = Pick<Route, 'endpoint' | 'stage' | 'legacy' | 'modern' | 'body' | 'owners'>;

export interface RouteProblem {
  /** Path in the configuration, e.g. `routes.3.modern`. */
  readonly path: string;
  readonly message: string;
}

const ENDPOINT = /^[A-Z][A-Za-z]+\.(read|vread|search|create|update)$/;

/**
 * Everything that is wrong with a list of routes, at once. Both sides are checked, so that a switch is possible when it
 * is needed.
 */
export function routeProblems(
  seeds: readonly RouteSeed[],
  backends: ReadonlyMap<string, BackendCapability>,
): RouteProblem[] {
  const problems: RouteProblem[] = [];
  const seen = new Set<Endpoint>();
  for (const [index, seed] of seeds.entries()) {
    const path = `routes.${index}`;
    const say = (key: string, message: string) => problems.push({ path: `${path}.${key}`, message });
    if (!ENDPOINT.test(seed.endpoint))
      say('endpoint', `"${seed.endpoint}" is not Type.interaction, e.g. Patient.read`);
    if (seen.has(seed.endpoint)) say('endpoint', `${seed.endpoint} is routed twice`);
    seen.add(seed.endpoint);
    if (!isStage(seed.stage)) say('stage', `"${String(seed.stage)}" is not a stage`);
    const ofStage = isStage(seed.stage) ? wiringProblems(seed, seed.stage, backends) : [];
    for (const side of ['legacy', 'modern'] satisfies Side[]) {
      const own = seed[side] === undefined ? undefined : sideProblem(seed, side, backends);
      const needed = ofStage.filter((one) => one.side === side).map((one) => one.message);
      for (const message of new Set([...(own === undefined ? [] : [own]), ...needed])) say(side, message);
    }
    if (seed.body === 'streamed' && seed.modern === undefined) {
      say('body', 'only a modern backend can be given a streamed body');
    }
  }
  return problems;
}
