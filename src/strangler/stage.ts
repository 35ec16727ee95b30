import type { Endpoint } from '../fhir/types.ts';
import type { Route, Stage } from '../ports.ts';

/** What a backend says of itself. */
export interface BackendCapability {
  readonly name: string;
  readonly kind: 'legacy' | 'modern';
  /** What it can answer. */
  readonly endpoints: readonly Endpoint[];
}

/** How a route is wired: what a stage needs to be possible. */
export type Wiring = Pick<Route, 'endpoint' | 'legacy' | 'modern' | 'body'>;

/** To which stages a route may go from each. */
export const TRANSITIONS: Readonly<Record<Stage, readonly Stage[]>> = {
  legacy: ['modern'],
  modern: ['legacy'],
};

export function isStage(text: string): text is Stage {
  return Object.hasOwn(TRANSITIONS, text);
}

/** Which backend answers in a stage; undefined: none is named. */
export function backendOf(route: Wiring, stage: Stage): string | undefined {
  return stage === 'legacy' ? route.legacy : route.modern;
}

/** Why the backend that a stage names cannot answer it, in words; undefined: it can. */
export function wiringProblem(
  route: Wiring,
  stage: Stage,
  backends: ReadonlyMap<string, BackendCapability>,
): string | undefined {
  const name = backendOf(route, stage);
  if (name === undefined) return `${route.endpoint} has no ${stage} backend`;
  const backend = backends.get(name);
  if (!backend) return `there is no backend "${name}"`;
  if (backend.kind !== stage) return `backend "${name}" is of kind ${backend.kind}, not ${stage}`;
  if (!backend.endpoints.includes(route.endpoint)) return `backend "${name}" cannot do ${route.endpoint}`;
  return undefined;
}
