import { FicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { Audited } from '../../http/admin-record.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { Owed } from '../../migration-ports.ts';
import type { Cohort, Route } from '../../ports.ts';
import { cohortInWords } from '../../strangler/cohort.ts';
import type { Change } from '../../strangler/table.ts';
import type { RouteTable } from '../../strangler/table.ts';
import { nextStep } from '../../strangler/next-step.ts';
import { whereabouts } from '../../strangler/step-words.ts';
import type { Moved } from '../../strangler/steps.ts';
import type { GateReport, Position } from '../../strangler/gates/gate.ts';
import { packMarkdown } from '../../strangler/gates/report-markdown.ts';
import type { Migration } from './migration.ts';

export interface DeskOptions {
  readonly migration: Pick<Migration, 'steps' | 'evidence' | 'keeping'>;
  readonly table: RouteTable;
  /** `migration.steps` of the configuration. */
  readonly percentages: readonly number[];
}

/** A body that fits the document's schema. */
type Fitting<T> = AdminRequest['body'] & T;

export const endpointOf = (request: AdminRequest): Endpoint => String(request.params['endpoint']) as Endpoint;

/** @throws FicusError `not-found` */
export function routeOf(table: Pick<RouteTable, 'get'>, request: AdminRequest): Route {
  const route = table.get(endpointOf(request));
  if (!route) throw new FicusError('not-found', `There is no route for ${endpointOf(request)}.`);
  return route;
}

/** Who asks, why, and for which version. */
export function changeOf({ body }: AdminRequest): Change {
  const { by, reason, version } = body as Fitting<{ by: string; reason: string; version?: number }>;
  return { by, reason, ...(version === undefined ? {} : { ifVersion: version }) };
}

/** What a step changed, for the audit. */
function auditedMove(before: Route | undefined, after: Route): Audited {
  const from = before ? { from: whereabouts(before) } : {};
  return { details: { ...from, to: whereabouts(after), version: String(after.version) } };
}

/** The board and the steps: operations of contracts/admin-api.yaml by their ids. */
export function deskOperations(options: DeskOptions): Record<string, OperationHandler> {
  const { migration, table } = options;
  const { steps, evidence, keeping } = migration;
  const { pins } = keeping.writes;

  /** Where a route would go next, retirement included; undefined: nowhere. */
  function nextOf(route: Route): Position | undefined {
    if (route.stage === 'modern') return { stage: 'retired' };
    const step = nextStep(route, options.percentages);
    return 'to' in step ? step.to : undefined;
  }

  async function judged(route: Route): Promise<GateReport | undefined> {
    const to = nextOf(route);
    return to && route.modern !== undefined ? evidence.judge(route, to) : undefined;
  }

  const owedOf = (endpoint: Endpoint): Record<'legacy' | 'modern', Owed> => ({
    legacy: pins.owed('legacy', endpoint),
    modern: pins.owed('modern', endpoint),
  });

  async function boardRow(route: Route) {
    const { endpoint, stage, cohort, version, since, hold, legacy, modern } = route;
    const report = await judged(route);
    const trials = evidence.recorder.tally(endpoint, route.run)?.trials;
    const owed = owedOf(endpoint);
    return {
      endpoint,
      stage,
      ...(stage === 'canary' && cohort ? inCanary(cohort) : {}),
      version,
      since,
      ...(legacy === undefined ? {} : { legacy }),
      ...(modern === undefined ? {} : { modern }),
      ...(hold ? { held: hold } : {}),
      ...(trials ? { comparisons: trials.count, criticals: trials.critical } : {}),
      owed: { legacy: owed.legacy.count, modern: owed.modern.count },
      ...(report ? { next: inWords(report.to), verdict: worstOf(report), waitsFor: report.blocking } : {}),
    };
  }

  const stepOf =
    (step: (request: AdminRequest, change: Change) => Promise<Moved>): OperationHandler =>
    async (request) => {
      const before = table.get(endpointOf(request));
      const moved = await step(request, changeOf(request));
      return { body: moved, audited: auditedMove(before, moved.route) };
    };

  return {
    board: async () => ({ body: { endpoints: await Promise.all(table.list().map(boardRow)) } }),
    show: async (request) => {
      const route = routeOf(table, request);
      const report = await judged(route);
      const owed = owedOf(route.endpoint);
      const body = {
        route,
        owed: { legacy: owed.legacy.count, modern: owed.modern.count },
        ...(report ? { next: { step: inWords(report.to), open: report.open, gates: report.gates } } : {}),
      };
      return { body, headers: { etag: `"${route.version}"` } };
    },
    report: async (request) => {
      const route = routeOf(table, request);
      const pack = await evidence.pack(route, await judged(route));
      if (request.query['format'] !== 'markdown') return { body: pack };
      return { text: { contentType: 'text/markdown; charset=utf-8', body: packMarkdown(pack) } };
    },
    promote: stepOf((request, change) => {
      const { percent } = request.body as Fitting<{ percent?: number }>;
      const wanted = percent === undefined ? {} : { percent };
      return steps.promote(endpointOf(request), { ...change, ...wanted });
    }),
    rollback: stepOf((request, change) => {
      const { to } = request.body as Fitting<{ to?: string }>;
      const wanted = to === undefined ? {} : { to };
      return steps.rollback(endpointOf(request), { ...change, ...wanted });
    }),
    hold: stepOf((request, change) => steps.hold(endpointOf(request), change)),
    release: stepOf((request, change) => steps.release(endpointOf(request), change)),
    retire: stepOf((request, change) => steps.retire(endpointOf(request), change)),
    note: stepOf((request, change) => steps.note(endpointOf(request), change)),
    setCohort: stepOf((request, change) =>
      steps.setCohort(endpointOf(request), request.body['cohort'], change),
    ),
    setOwners: stepOf((request, change) => {
      const { owners } = request.body as Fitting<{ owners: NonNullable<Route['owners']> }>;
      return steps.setOwners(endpointOf(request), owners, change);
    }),
    freshEvidence: stepOf((request, change) => steps.freshEvidence(endpointOf(request), change)),
    waive: async (request) => {
      const route = routeOf(table, request);
      const { gate, by, reason, days } = request.body as Fitting<{
        gate: string;
        by: string;
        reason: string;
        days: number;
      }>;
      if (gate === 'criticals') request.caller?.refuseWithout('clinical.decide');
      return { status: 201, body: await evidence.waive(route, { gate, by, reason, days }) };
    },
    verifyBackend: async (request) => {
      const check = await evidence.verify(String(request.params['name']), changeOf(request));
      return { body: { ...check, at: new Date(check.at).toISOString() } };
    },
  };
}

/** The share of a canary; where that does not say whom modern answers, also words that do. */
function inCanary(cohort: Cohort): { readonly percent: number; readonly whom?: string } {
  const { percent } = cohort;
  const whom = cohortInWords(cohort);
  return whom === `${percent} %` ? { percent } : { percent, whom };
}

function inWords({ stage, percent }: Position): string {
  return percent === undefined ? stage : `${stage} ${percent} %`;
}

const WORST_FIRST = ['fail', 'stale', 'insufficient', 'waived', 'pass'] as const;

function worstOf({ gates }: GateReport): string | undefined {
  return WORST_FIRST.find((verdict) => gates.some((gate) => gate.verdict === verdict));
}
