import { FicusError } from '../../errors.ts';
import { patientsOfResource } from '../../fhir/patient.ts';
import type { Endpoint, Resource } from '../../fhir/types.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { Audited } from '../../http/admin-record.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { DifferenceRule, Severity } from '../../migration-ports.ts';
import type { Clock, Route } from '../../ports.ts';
import type { ComparableAnswer } from '../../strangler/compare/answer.ts';
import { applyRules } from '../../strangler/compare/rules.ts';
import { describe } from '../../strangler/compare/words.ts';
import type { ReplayProgress } from '../../strangler/experiment/replay.ts';
import type { SignatureCount, Tally } from '../../strangler/gates/tally.ts';
import type { RouteTable } from '../../strangler/table.ts';
import { endpointOf, routeOf } from './desk.ts';
import type { Migration } from './migration.ts';

export interface DifferencesDeskOptions {
  readonly migration: Pick<Migration, 'comparing' | 'evidence'>;
  readonly table: RouteTable;
  readonly calendar: Clock;
}

type Fitting<T> = AdminRequest['body'] & T;

const GRAVITY: readonly Severity[] = ['critical', 'major', 'minor', 'noise'];
const DAY_MS = 86_400_000;
const instantOf = (at: number): string => new Date(at).toISOString();

/** What the sides answer differently: operations of contracts/admin-api.yaml by their ids. */
export function differencesOperations(options: DifferencesDeskOptions): Record<string, OperationHandler> {
  const { migration, table, calendar } = options;
  const { comparing, evidence } = migration;
  const { rules, samples, replays } = comparing;

  /** @throws FicusError `not-found` */
  function required(endpoint: Endpoint): Route {
    const route = table.get(endpoint);
    if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
    return route;
  }

  async function diffs(request: AdminRequest) {
    const { endpoint, run: now } = routeOf(table, request);
    const run = runOf(request.query['run'], now);
    const tally = await evidence.tallyOf(endpoint, run);
    const living = new Set((await samples.list(endpoint)).map(({ id }) => id));
    const differences = [...(tally?.signatures.values() ?? [])]
      .toSorted((a, b) => GRAVITY.indexOf(a.severity) - GRAVITY.indexOf(b.severity) || b.count - a.count)
      .map((one) => viewOf(one, rules.forEndpoint(endpoint), living, calendar.now()));
    return { endpoint, run, comparisons: tally ? countsOf(tally) : {}, differences };
  }

  return {
    diffs: async (request) => ({ body: await diffs(request) }),
    listRules: ({ query }) => {
      const endpoint = query['endpoint'] as Endpoint | undefined;
      if (endpoint !== undefined) required(endpoint);
      return { body: { rules: rules.list(endpoint) } };
    },
    addRule: async (request) => {
      const { days, endpoint, ...rule } = request.body as Fitting<
        Omit<DifferenceRule, 'id' | 'createdAt' | 'expiresAt'> & { days: number }
      >;
      const { owners } = required(endpoint);
      const { verdict, by } = rule;
      // Whoever is named as the clinical owner was named by others; that it is a clinician, the token says.
      if (verdict === 'acceptable' && by === owners?.clinical)
        request.caller?.refuseWithout('clinical.decide');
      const expiresAt = new Date(calendar.now() + days * DAY_MS).toISOString();
      return { status: 201, body: await rules.add({ ...rule, endpoint, expiresAt }) };
    },
    removeRule: async (request) => {
      const { by, reason } = request.body as Fitting<{ by: string; reason: string }>;
      await rules.remove(String(request.params['id']), { by, reason });
      return { body: {} };
    },
    openSample: async (request) => {
      const opening = request.body as Fitting<{ by: string; role: string; reason: string }>;
      if (opening.role === 'clinical') request.caller?.refuseWithout('clinical.decide');
      const { takenAt, expiresAt, ...pair } = await samples.open(String(request.params['id']), opening);
      const [legacy, modern] = [resourcesOf(pair.legacy), resourcesOf(pair.modern)];
      const sentences = pair.differences.map((one) => describe(one, legacy, modern));
      const life = { takenAt: instantOf(takenAt), expiresAt: instantOf(expiresAt) };
      return { body: { ...pair, ...life, sentences }, audited: whoseAre([...legacy, ...modern]) };
    },
    replay: async (request) => {
      const { by, reason, limit, perSecond, fresh } = request.body as Fitting<{
        by: string;
        reason: string;
        limit?: number;
        perSecond?: number;
        fresh?: boolean;
      }>;
      const replay = await replays.start({
        endpoint: endpointOf(request),
        by,
        reason,
        ...(limit === undefined ? {} : { limit }),
        ...(perSecond === undefined ? {} : { perSecond }),
        ...(fresh === undefined ? {} : { fresh }),
      });
      return { status: 202, body: replayView(replay.progress()) };
    },
    getReplay: (request) => {
      const replay = replays.get(String(request.params['id']));
      if (!replay) throw new FicusError('not-found', 'There is no such replay.');
      return { body: replayView(replay.progress()) };
    },
  };
}

/**
 * An earlier run than the one of now: why an endpoint went back is in the run before.
 * @throws FicusError `value-invalid`
 */
function runOf(asked: string | undefined, now: number): number {
  if (asked === undefined) return now;
  const run = Number(asked);
  if (Number.isInteger(run) && run >= 1 && run <= now) return run;
  throw new FicusError('value-invalid', `"run" is a whole number from 1 to ${now}.`, { expression: ['run'] });
}

function countsOf({ trials, verdicts }: Tally): Record<string, number> {
  const { live, replay } = verdicts;
  const sum = (values: Iterable<number>): number => [...values].reduce((all, one) => all + one, 0);
  return {
    compared: trials.count,
    alike: live.match + replay.match,
    critical: trials.critical,
    major: trials.major,
    inFlight: live.inFlight + replay.inFlight,
    notComparable: sum(live.notComparable.values()) + sum(replay.notComparable.values()),
  };
}

function viewOf(
  one: SignatureCount,
  rules: readonly DifferenceRule[],
  living: ReadonlySet<string>,
  now: number,
) {
  const { signature, severity, kind, path, count, first, last, floor, samples } = one;
  const [ruled] = applyRules([{ path, kind, severity, signature }], rules, now);
  const rule = rules.find(({ id }) => id === (ruled?.rule ?? one.rule));
  return {
    signature,
    severity,
    kind,
    path,
    count,
    firstSeen: instantOf(first),
    lastSeen: instantOf(last),
    inFloor: floor,
    samples: samples.filter((id) => living.has(id)),
    ...(rule ? { rule: { verdict: rule.verdict, owner: rule.owner, expiresAt: rule.expiresAt } } : {}),
  };
}

/** The resources of an answer, for words about them. */
function resourcesOf(answer: ComparableAnswer): readonly Resource[] {
  if (answer.kind === 'resource') return [answer.resource];
  return answer.kind === 'set' ? [...answer.matches, ...answer.included] : [];
}

/** Whose data was shown, for the audit. */
function whoseAre(resources: readonly Resource[]): Audited {
  const references = resources.map(({ resourceType, id }) =>
    id === undefined ? resourceType : `${resourceType}/${id}`,
  );
  const patients = resources.flatMap(patientsOfResource);
  return { patients: [...new Set(patients)], references: [...new Set(references)] };
}

function replayView({ startedAt, endedAt, ...progress }: ReplayProgress) {
  return {
    ...progress,
    startedAt: instantOf(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: instantOf(endedAt) }),
  };
}
