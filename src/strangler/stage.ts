import type { Endpoint } from '../fhir/types.ts';
import type { Route, Side, Stage } from '../ports.ts';

/** What a backend says of itself. */
export interface BackendCapability {
  readonly name: string;
  readonly kind: Side;
  /** What it can answer. */
  readonly endpoints: readonly Endpoint[];
}

/** How a route is wired: what a stage needs to be possible. */
export type Wiring = Pick<Route, 'endpoint' | 'legacy' | 'modern' | 'body'>;

/** Something that a stage needs of one side and does not have. */
export interface WiringProblem {
  readonly side: Side;
  readonly message: string;
}

/** The way of an endpoint, in its order. */
export const STAGES = ['legacy', 'shadow', 'canary', 'modern', 'retired'] as const satisfies readonly Stage[];

/** The sides without which a stage cannot be. */
const NEEDED: Readonly<Record<Stage, readonly Side[]>> = {
  legacy: ['legacy'],
  shadow: ['legacy', 'modern'],
  canary: ['legacy', 'modern'],
  modern: ['modern'],
  retired: ['modern'],
};

export function isStage(text: string): text is Stage {
  return Object.hasOwn(NEEDED, text);
}

/** The side that answers in a stage; in canary the one of whoever is not in the cohort. */
export function sideOf(stage: Stage): Side {
  return stage === 'modern' || stage === 'retired' ? 'modern' : 'legacy';
}

/** Whether a stage has both sides at work for a route: the other one is asked too, and told of every write. */
export function isTwoSided(route: Pick<Route, 'stage' | 'legacy' | 'modern'>): boolean {
  if (route.stage === 'legacy' || route.stage === 'retired') return false;
  return route.legacy !== undefined && route.modern !== undefined;
}

/** Which backend answers in a stage; in canary, whoever is not in the cohort. undefined: none is named. */
export function backendOf(route: Wiring, stage: Stage): string | undefined {
  return route[sideOf(stage)];
}

/** Why the backend of a side cannot answer a route, in words; undefined: it can. */
export function sideProblem(
  route: Wiring,
  side: Side,
  backends: ReadonlyMap<string, BackendCapability>,
): string | undefined {
  const name = route[side];
  if (name === undefined) return `${route.endpoint} has no ${side} backend`;
  const backend = backends.get(name);
  if (!backend) return `there is no backend "${name}"`;
  if (backend.kind !== side) return `backend "${name}" is of kind ${backend.kind}, not ${side}`;
  if (!backend.endpoints.includes(route.endpoint)) return `backend "${name}" cannot do ${route.endpoint}`;
  return undefined;
}

/** Everything that a stage needs of the backends of a route and does not have. */
export function wiringProblems(
  route: Wiring,
  stage: Stage,
  backends: ReadonlyMap<string, BackendCapability>,
): readonly WiringProblem[] {
  const problems = NEEDED[stage].flatMap((side) => {
    const message = sideProblem(route, side, backends);
    return message === undefined ? [] : [{ side, message }];
  });
  return problems.length > 0 ? problems : replicationProblems(route, stage, backends);
}

/** Why a route cannot be in a stage, in words; undefined: it can. */
export function wiringProblem(
  route: Wiring,
  stage: Stage,
  backends: ReadonlyMap<string, BackendCapability>,
): string | undefined {
  return wiringProblems(route, stage, backends)[0]?.message;
}

/**
 * A write of an endpoint with two sides is told to the other one: modern takes it as an upsert under our id, legacy as
 * the same interaction. Whichever cannot be told would fall behind for good.
 */
function replicationProblems(
  route: Wiring,
  stage: Stage,
  backends: ReadonlyMap<string, BackendCapability>,
): WiringProblem[] {
  const [type, interaction] = route.endpoint.split('.');
  const writes = interaction === 'create' || interaction === 'update';
  if (!writes || !isTwoSided({ ...route, stage })) return [];
  const problems: WiringProblem[] = [];
  const upsert: Endpoint = `${String(type)}.update`;
  if (!endpointsOf(route.modern, backends).includes(upsert)) {
    const message = `backend "${route.modern}" cannot do ${upsert}, by which it is told of writes that legacy accepts`;
    problems.push({ side: 'modern', message });
  }
  if (stage !== 'shadow' && !endpointsOf(route.legacy, backends).includes(route.endpoint)) {
    const message = `backend "${route.legacy}" cannot do ${route.endpoint}, by which it is told of writes that modern accepts`;
    problems.push({ side: 'legacy', message });
  }
  return problems;
}

function endpointsOf(
  name: string | undefined,
  backends: ReadonlyMap<string, BackendCapability>,
): readonly Endpoint[] {
  return (name === undefined ? undefined : backends.get(name))?.endpoints ?? [];
}
