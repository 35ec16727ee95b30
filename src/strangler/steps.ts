import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Clock, Cohort, Route } from '../ports.ts';
import { checkCohort, cohortInWords, isNarrower } from './cohort.ts';
import type { GateReport, Position } from './gates/gate.ts';
import { nextStep } from './next-step.ts';
import { isSamePerson } from '../person.ts';
import { isStage, wiringProblems } from './stage.ts';
import type { BackendCapability } from './stage.ts';
import { movedInWords, neighbourWarnings, owedWarnings, readersLeftBehind, sentence, untoldWarnings, whereabouts } from './step-words.ts'; // prettier-ignore
import type { OwedOf } from './step-words.ts';
import type { Change, RoutePatch, RouteTable } from './table.ts';
import { TRANSITIONS, refusalOf } from './transition.ts';

export interface StepsOptions {
  readonly table: RouteTable;
  readonly backends: readonly BackendCapability[];
  /** What all gates say of a step. */
  readonly judge: (route: Route, to: Position) => Promise<GateReport>;
  /** What a side has not been told yet. */
  readonly owed: OwedOf;
  /** Percentages that a canary goes through: `migration.steps`. */
  readonly percentages: readonly number[];
  /** Whether stages and gates may be skipped: `migration.mayForce`. */
  readonly mayForce: boolean;
  readonly clock: Clock;
  /** Keeps what the gates said of a step that was taken. */
  readonly keep?: (step: {
    readonly endpoint: Endpoint;
    readonly version: number;
    readonly report: GateReport;
  }) => Promise<void>;
  /** How long the first approval of a retirement waits for the second, in days; default 7. */
  readonly approvalDays?: number;
}

/** A change of a route that was made. */
export interface Moved {
  readonly route: Route;
  /** What happened, in one sentence. */
  readonly words: string;
  /** What whoever did it should know; nothing was stopped by it. */
  readonly warnings: readonly string[];
}

/**
 * What people do with a route. Forward is one stage (or percentage) at a time and through gates, back is one call.
 * Refusals are FicusError `unprocessable` with every reason as an issue of its own; further `not-found`,
 * `value-invalid`, `value-required`, `version-conflict`.
 */
export interface Steps {
  /** The step forward that `promote` would take. @throws FicusError `not-found`; `unprocessable` when there is none */
  next(endpoint: Endpoint, percent?: number): Position;
  /**
   * One step forward, if every gate lets it through.
   * @param change.percent wanted instead of the next one of the configuration
   */
  promote(endpoint: Endpoint, change: Change & { readonly percent?: number }): Promise<Moved>;
  /** Back at once, never gated. @param change.to default: shadow, and from there legacy */
  rollback(endpoint: Endpoint, change: Change & { readonly to?: string }): Promise<Moved>;
  /** No step forward until it is released. */
  hold(endpoint: Endpoint, change: Change): Promise<Moved>;
  release(endpoint: Endpoint, change: Change): Promise<Moved>;
  /** Modern only, for good: the first call is the first approval, the second one, by somebody else, retires. */
  retire(endpoint: Endpoint, change: Change): Promise<Moved>;
  note(endpoint: Endpoint, change: Change): Promise<Moved>;
  /** Whom modern answers in canary: fewer at any time, more through gates. */
  setCohort(endpoint: Endpoint, cohort: unknown, change: Change): Promise<Moved>;
  setOwners(endpoint: Endpoint, owners: NonNullable<Route['owners']>, change: Change): Promise<Moved>;
  /** The evidence counts anew, because modern was changed. */
  freshEvidence(endpoint: Endpoint, change: Change): Promise<Moved>;
  /** To any stage but `retired`: back always, forward only where the configuration lets stages and gates be skipped. */
  set(endpoint: Endpoint, stage: string, change: Change): Promise<Moved>;
}

const DAY_MS = 86_400_000;
const CONFLICTS = 5;

export function createSteps(options: StepsOptions): Steps {
  const { table, judge, owed, percentages, mayForce, clock, keep, approvalDays = 7 } = options;
  const backends = new Map(options.backends.map((backend) => [backend.name, backend]));

  function find(endpoint: Endpoint): Route {
    const route = table.get(endpoint);
    if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
    return route;
  }

  function next(endpoint: Endpoint, percent?: number): Position {
    const route = find(endpoint);
    const step = nextStep(route, percentages, percent);
    if ('refusal' in step) throw refused(route, 'cannot go forward', [step.refusal]);
    return step.to;
  }

  /** Lets a step through, or says everything that holds it. */
  async function pass(route: Route, to: Position, more: readonly string[] = []): Promise<GateReport> {
    const report = await judge(route, to);
    const { hold } = route;
    const held = hold && !report.gates.some(({ name }) => name === 'hold');
    const reasons = [
      ...(held ? [`${hold.by} holds it since ${hold.at}: ${hold.reason}`] : []),
      ...wiringProblems(route, to.stage, backends).map(({ message }) => message),
      ...more,
      ...(report.open ? [] : report.blocking),
    ];
    if (reasons.length === 0 && report.open) return report;
    const target = to.percent === undefined ? to.stage : `${to.stage} ${to.percent} %`;
    throw refused(route, `cannot go to ${target}`, reasons);
  }

  /** The change stands; that its evidence could not be kept is told. */
  async function moved(before: Route, route: Route, report?: GateReport): Promise<Moved> {
    const { endpoint, version } = route;
    const lost =
      report && keep
        ? await keep({ endpoint, version, report }).then(
            () => [],
            () => ['What the gates said could not be kept.'],
          )
        : [];
    return {
      route,
      words: movedInWords(before, route),
      warnings: [...neighbourWarnings(route, table), ...lost],
    };
  }

  async function promote(
    endpoint: Endpoint,
    { percent, ...change }: Change & { readonly percent?: number },
  ): Promise<Moved> {
    const route = find(endpoint);
    const to = next(endpoint, percent);
    const report = await pass(route, to);
    // What the gates were asked about is what moves.
    const seen = { ...change, ifVersion: change.ifVersion ?? route.version };
    const cohort = to.percent === undefined ? undefined : { ...route.cohort, percent: to.percent };
    if (to.stage === route.stage && cohort)
      return moved(route, await table.change(endpoint, { cohort }, seen), report);
    const entered = await table.setStage(endpoint, to.stage, { ...seen, ...(cohort ? { cohort } : {}) });
    return moved(route, entered, report);
  }

  async function rollback(
    endpoint: Endpoint,
    { to, ...change }: Change & { readonly to?: string },
  ): Promise<Moved> {
    // Two who go back at once mean the same step.
    const stage = to ?? (find(endpoint).stage === 'shadow' ? 'legacy' : 'shadow');
    for (let attempt = 1; ; attempt++) {
      const before = find(endpoint);
      if (attempt > 1 && before.stage === stage) return already(before);
      if (isStage(stage) && TRANSITIONS[before.stage][stage] !== 'back') {
        const why = refusalOf(before.stage, stage) ?? `${stage} is not behind ${before.stage}`;
        throw refused(before, `cannot go back to ${stage}`, [why]);
      }
      try {
        const route = await table.setStage(endpoint, stage, change);
        const warnings = [...owedWarnings(route, owed), ...untoldWarnings(route)];
        return { route, words: movedInWords(before, route), warnings };
      } catch (error) {
        // Somebody's note at this moment does not stop anybody from going back.
        const again = error instanceof FicusError && error.code === 'version-conflict' && attempt < CONFLICTS;
        if (!again || change.ifVersion !== undefined) throw error;
      }
    }
  }

  function already(route: Route): Moved {
    const words = `${route.endpoint} is at ${whereabouts(route)} already.`;
    return { route, words, warnings: owedWarnings(route, owed) };
  }

  async function changed(
    endpoint: Endpoint,
    patch: RoutePatch,
    words: string,
    change: Change,
  ): Promise<Moved> {
    const route = await table.change(endpoint, patch, change);
    const said = sentence(`${endpoint} ${words}, by ${change.by}${because(change)}`);
    return { route, words: said, warnings: [] };
  }

  function signed({ by, reason = '' }: Change) {
    return { by, at: new Date(clock.now()).toISOString(), reason };
  }

  async function release(endpoint: Endpoint, change: Change): Promise<Moved> {
    const route = find(endpoint);
    if (!route.hold) throw refused(route, 'cannot be released', ['nobody holds it']);
    return changed(endpoint, { hold: null }, 'is released', change);
  }

  async function retire(endpoint: Endpoint, change: Change): Promise<Moved> {
    const route = find(endpoint);
    const { stage, retirement } = route;
    if (stage !== 'modern')
      throw refused(route, 'cannot be retired', [refusalOf(stage, 'retired') ?? `it is at ${stage}`]);
    const report = await pass(route, { stage: 'retired' }, readersLeftBehind(route, table));
    const seen = { ...change, ifVersion: change.ifVersion ?? route.version };
    const until = retirement ? Date.parse(retirement.at) + approvalDays * DAY_MS : 0;
    if (!retirement || clock.now() >= until) {
      const approval = signed(change);
      const last = new Date(clock.now() + approvalDays * DAY_MS).toISOString();
      return changed(
        endpoint,
        { retirement: approval },
        `may be retired by somebody else until ${last}`,
        seen,
      );
    }
    if (isSamePerson(retirement.by, change.by))
      throw refused(route, 'cannot be retired', [
        `${retirement.by} has approved it already, and somebody else has to`,
      ]);
    return moved(route, await table.setStage(endpoint, 'retired', seen), report);
  }

  async function setCohort(endpoint: Endpoint, written: unknown, change: Change): Promise<Moved> {
    const cohort: Cohort = checkCohort(written);
    const route = find(endpoint);
    const words = `has the cohort ${cohortInWords(cohort)}`;
    if (route.stage !== 'canary' || isNarrower(cohort, route.cohort))
      return changed(endpoint, { cohort }, words, change);
    const report = await pass(route, { stage: 'canary', percent: cohort.percent });
    const seen = { ...change, ifVersion: change.ifVersion ?? route.version };
    return moved(route, await table.change(endpoint, { cohort }, seen), report);
  }

  async function set(endpoint: Endpoint, stage: string, change: Change): Promise<Moved> {
    const before = find(endpoint);
    const way = isStage(stage) ? TRANSITIONS[before.stage][stage] : 'same';
    if (way === 'back') return rollback(endpoint, { ...change, to: stage });
    if (way === 'same' || way === 'final' || !isStage(stage)) {
      const route = await table.setStage(endpoint, stage, change);
      return { route, words: `${endpoint} is at ${whereabouts(route)} already.`, warnings: [] };
    }
    if (stage === 'retired')
      throw refused(before, 'cannot be retired so', ['that takes two people and `ficus migrate retire`']);
    if (!mayForce) {
      const words = `it goes forward through gates, by \`ficus migrate promote ${endpoint}\``;
      throw refused(before, `cannot be set to ${stage}`, [words]);
    }
    const reason = `forced${because(change)}`;
    const percent = Math.min(...percentages);
    const cohort = stage === 'canary' && !before.cohort ? { cohort: { percent } } : {};
    return moved(before, await table.setStage(endpoint, stage, { ...change, reason, ...cohort }));
  }

  return {
    next,
    promote,
    rollback,
    hold: (endpoint, change) => changed(endpoint, { hold: signed(change) }, 'is held', change),
    release,
    retire,
    note: (endpoint, change) => changed(endpoint, {}, 'has a note', change),
    setCohort,
    setOwners: (endpoint, owners, change) => {
      const all = { ...find(endpoint).owners, ...owners };
      const names = `technical ${all.technical ?? 'nobody'}, clinical ${all.clinical ?? 'nobody'}`;
      return changed(endpoint, { owners: all }, `is owned by ${names}`, change);
    },
    freshEvidence: (endpoint, change) =>
      changed(endpoint, { fresh: true }, 'counts its evidence anew', change),
    set,
  };
}

const because = ({ reason = '' }: Change): string => (reason === '' ? '' : `: ${reason}`);

/** One reason is the message; of several each is an issue. */
function refused({ endpoint }: Route, what: string, reasons: readonly string[]): FicusError {
  const [only = 'the gates do not let it through', ...more] = reasons;
  if (more.length === 0) return new FicusError('unprocessable', sentence(`${endpoint} ${what}: ${only}`));
  return new FicusError('unprocessable', `${endpoint} ${what}, for ${reasons.length} reasons.`, {
    issues: reasons.map((diagnostics) => ({ severity: 'error', code: 'business-rule', diagnostics })),
  });
}
