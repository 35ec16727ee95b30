import type { Owed } from '../migration-ports.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Route, Side } from '../ports.ts';
import { cohortInWords } from './cohort.ts';
import { sideOf } from './stage.ts';
import type { RouteTable } from './table.ts';

/** Where a route is, in words: `shadow`, `canary 5 %`. */
export function whereabouts({ stage, cohort }: Pick<Route, 'stage' | 'cohort'>): string {
  return stage === 'canary' ? `canary ${cohortInWords(cohort)}` : stage;
}

/** What happened to a route, for a change board: `Observation.search went from shadow to canary 5 %, by ana: pilot.` */
export function movedInWords(before: Route, after: Route): string {
  const why = after.reason === '' ? '' : `: ${after.reason}`;
  const ways = `from ${whereabouts(before)} to ${whereabouts(after)}`;
  return sentence(`${after.endpoint} went ${ways}, by ${after.updatedBy}${why}`);
}

/** Words with a full stop, where they do not end a sentence already. */
export const sentence = (words: string): string => (/[.!?]$/.test(words) ? words : `${words}.`);

/** How many writes a side has not been told of, of one endpoint or of all. */
export type OwedOf = (side: Side, endpoint?: Endpoint) => Owed;

const writesOf = (endpoint: Endpoint): readonly [Endpoint, Endpoint] => {
  const type = endpoint.split('.', 1)[0] ?? '';
  return [`${type}.create`, `${type}.update`];
};

/** What the side that a route goes back to has not seen yet. Going back is not stopped by it. */
export function owedWarnings(after: Route, owed: OwedOf): string[] {
  const side = sideOf(after.stage);
  const all = writesOf(after.endpoint).map((endpoint) => owed(side, endpoint));
  const count = all.reduce((sum, one) => sum + one.count, 0);
  const dead = all.reduce((sum, one) => sum + one.dead, 0);
  if (count === 0) return [];
  const other = side === 'legacy' ? 'modern' : 'legacy';
  const [writes, patients, they] =
    count === 1
      ? ['1 write', 'its patient stays', 'it is']
      : [`${count} writes`, 'their patients stay', 'they are'];
  const late = `${writes} accepted by ${other} ${count === 1 ? 'is' : 'are'} not in ${side} yet; ${patients} with ${other} until ${they}`;
  if (dead === 0) return [`${late}.`];
  return [
    `${late}. ${dead} of them cannot be delivered and ${dead === 1 ? 'waits' : 'wait'} for a decision: \`ficus migrate outbox\`.`,
  ];
}

/** What somebody who goes back to `legacy` has to know of the writes to come. */
export function untoldWarnings(after: Route): string[] {
  const isWrite = writesOf(after.endpoint).includes(after.endpoint);
  if (!isWrite || after.stage !== 'legacy' || after.modern === undefined) return [];
  return [
    'From now on modern is not told of writes: before it can go forward again it has to be filled (`ficus migrate backfill`).',
  ];
}

/** Routes of the same type that do not fit with one that goes on: what is written on one side and read on the other. */
export function neighbourWarnings(after: Route, table: Pick<RouteTable, 'get'>): string[] {
  if (after.stage !== 'canary' && after.stage !== 'modern') return [];
  const writes = writesOf(after.endpoint);
  if (!writes.includes(after.endpoint)) {
    return writes
      .map((endpoint) => table.get(endpoint))
      .filter((route) => route?.stage === 'legacy')
      .map((route) => `${route?.endpoint} is at legacy: modern is not told of what it writes.`);
  }
  return readsOf(after.endpoint)
    .map((endpoint) => table.get(endpoint))
    .filter((route) => route !== undefined && route.modern === undefined)
    .map(
      (route) =>
        `${route?.endpoint} has no modern side: what modern writes is seen there only when legacy has been told of it.`,
    );
}

/** Why the writes of a route cannot be modern's alone: who reads the type would miss them. */
export function readersLeftBehind(route: Route, table: Pick<RouteTable, 'get'>): string[] {
  if (!writesOf(route.endpoint).includes(route.endpoint)) return [];
  return readsOf(route.endpoint)
    .map((endpoint) => table.get(endpoint))
    .filter((reader) => reader !== undefined && reader.stage !== 'modern' && reader.stage !== 'retired')
    .map(
      (reader) =>
        `${reader?.endpoint} is at ${reader?.stage}: legacy, which answers it, would not be told of writes any more`,
    );
}

function readsOf(endpoint: Endpoint): readonly [Endpoint, Endpoint] {
  const type = endpoint.split('.', 1)[0] ?? '';
  return [`${type}.read`, `${type}.search`];
}
