import type { Contract } from '../../contract/contract.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import { FicusError } from '../../errors.ts';
import type { Endpoint, Interaction } from '../../fhir/types.ts';
import type { DifferenceRule, EvidenceSink, Owed, Pins } from '../../migration-ports.ts';
import type { BackfillJob, DriftReport } from '../../replica-ports.ts';
import type { Clock, Logger, Route, Side } from '../../ports.ts';
import { checkContract } from '../../strangler/gates/contract-check.ts';
import type { ContractCheck } from '../../strangler/gates/contract-check.ts';
import type { EndpointPromise } from '../../strangler/gates/contract-cases.ts';
import type { EvidenceStore, StepTaken } from '../../strangler/gates/evidence-store.ts';
import type { GateReport, Position } from '../../strangler/gates/gate.ts';
import { isWrite, judge } from '../../strangler/gates/gates.ts';
import { createEvidenceRecorder } from '../../strangler/gates/recorder.ts';
import type { EvidenceRecorder } from '../../strangler/gates/recorder.ts';
import { evidencePack } from '../../strangler/gates/report.ts';
import type { EvidencePack } from '../../strangler/gates/report.ts';
import { runOf } from '../../strangler/gates/stored.ts';
import type { Tally } from '../../strangler/gates/tally.ts';
import { uncopiedOf } from '../../strangler/gates/uncopied.ts';
import { checkedWaiver } from '../../strangler/gates/waiver.ts';
import type { Waiver } from '../../strangler/gates/waiver.ts';
import { createWatch } from '../../strangler/gates/watch.ts';
import type { Breach } from '../../strangler/gates/watch.ts';
import { isTwoSided } from '../../strangler/stage.ts';
import type { Change, RouteTable } from '../../strangler/table.ts';
import type { Installed } from '../backends.ts';

export interface EvidenceOptions {
  readonly config: MigrationConfig;
  readonly store: EvidenceStore;
  readonly table: RouteTable;
  readonly contract: Contract;
  readonly installed: ReadonlyMap<string, Installed>;
  readonly pins: Pins;
  readonly driftOf: (endpoint: Endpoint) => Promise<DriftReport | undefined>;
  /** Every back-fill. */
  readonly fillsOf: () => Promise<readonly BackfillJob[]>;
  /** Writes brought to each side. */
  readonly deliveredOf: (endpoint: Endpoint) => Promise<Readonly<Record<Side, number>>>;
  readonly rulesOf: (endpoint: Endpoint) => readonly DifferenceRule[];
  readonly onHold: (breach: Breach) => unknown;
  readonly onRollback: (breach: Breach) => unknown;
  readonly clock: Clock;
  /** What ages and days are counted by. */
  readonly calendar: Clock;
  readonly log: Logger;
}

/** What is known of every endpoint, and what it lets happen. */
export interface Evidence {
  readonly recorder: EvidenceRecorder;
  /** Where the request path and the experiment tell what they saw. */
  readonly sink: EvidenceSink;
  /** What was seen in a run; undefined: nothing, or there was no such run. */
  tallyOf(endpoint: Endpoint, run: number): Promise<Tally | undefined>;
  judge(route: Route, to: Position): Promise<GateReport>;
  keep(step: StepTaken): Promise<void>;
  /** @param gates of the next step, when there is one */
  pack(route: Route, gates: GateReport | undefined): Promise<EvidencePack>;
  /** @throws FicusError `not-found`: no modern backend of this name */
  verify(backend: string, asked: Pick<Change, 'by' | 'reason'>): Promise<ContractCheck>;
  /** @throws FicusError as checkedWaiver */
  waive(
    route: Route,
    wanted: { readonly gate: string; readonly by: string; readonly reason: string; readonly days: number },
  ): Promise<Waiver>;
}

const DAY_MS = 86_400_000;

export function createEvidence(options: EvidenceOptions): Evidence {
  const { config, store, table, pins, clock, calendar, log, installed, contract } = options;
  const { onHold, onRollback } = options;
  const watch = createWatch({
    limits: config.rollback,
    route: (endpoint) => table.get(endpoint),
    onHold,
    onRollback,
    clock: calendar,
    log,
  });
  const recorder = createEvidenceRecorder({ store, clock, log, watch });

  /** Both report by the real clock: their age is what the calendar is asked for. */
  const byCalendar = (at: number): number => calendar.now() - (clock.now() - at);

  async function driftOf(endpoint: Endpoint) {
    const report = await options.driftOf(endpoint);
    if (report?.state !== 'done') return undefined;
    const { checked, inFlight, different, repaired, unreadable } = report;
    const left = report.repair === 'apply' ? Math.max(0, different - repaired) : different;
    const at = byCalendar(Date.parse(report.at));
    return { at, checked: checked - inFlight, differences: left + unreadable };
  }

  async function stateOf(route: Route) {
    const { endpoint, modern } = route;
    const [drift, check, waivers] = await Promise.all([
      driftOf(endpoint),
      modern === undefined ? undefined : store.contractCheck(modern),
      store.waivers(endpoint),
    ]);
    const contractCheck = check && { ...check, at: byCalendar(check.at) };
    const owed = { legacy: owedOfType('legacy', endpoint), modern: owedOfType('modern', endpoint) };
    return { drift, contract: contractCheck, waivers, owed };
  }

  /** What a side has not seen of an endpoint's type, whichever endpoint wrote it: a read misses it, too. */
  function owedOfType(side: Side, endpoint: Endpoint): Owed {
    const [type] = endpoint.split('.');
    const all = table.list().filter((one) => one.endpoint.split('.')[0] === type && isWrite(one.endpoint));
    return all
      .map((one) => pins.owed(side, one.endpoint))
      .reduce<Owed>(
        (sum, one) => ({
          count: sum.count + one.count,
          dead: sum.dead + one.dead,
          oldestMs: Math.max(sum.oldestMs, one.oldestMs),
        }),
        { count: 0, dead: 0, oldestMs: 0 },
      );
  }

  /** When writes of an endpoint's type were made that nobody copied: see `uncopiedOf`. */
  async function uncopied(endpoint: Endpoint) {
    const [type] = endpoint.split('.');
    const writes = table.list().filter((one) => one.endpoint.split('.')[0] === type && isWrite(one.endpoint));
    const fills = (await options.fillsOf()).filter((job) => job.type === type && job.state === 'done');
    const filledAt = fills.map(({ createdAt }) => byCalendar(Date.parse(createdAt)));
    const pasts = await Promise.all(
      writes.map(async ({ endpoint: written }) => {
        const [history, runs] = await Promise.all([table.history(written), store.runs(written)]);
        const kept = new Map(runs.map(({ run, body }) => [run, body]));
        const callsOf = (run: number): number => {
          const body = kept.get(run);
          const tally = recorder.tally(written, run) ?? (body === undefined ? undefined : runOf(body).tally);
          return tally?.calls.legacy.client.count ?? 0;
        };
        return { history, callsOf };
      }),
    );
    return uncopiedOf(pasts, filledAt.length === 0 ? undefined : Math.max(...filledAt));
  }

  /** Other endpoints write the type on two sides: what is read was copied. */
  function isReplicated({ endpoint }: Route): boolean {
    const [type] = endpoint.split('.');
    return table
      .list()
      .some((one) => one.endpoint.split('.')[0] === type && isWrite(one.endpoint) && isTwoSided(one));
  }

  return {
    recorder,
    sink: calendar === clock ? recorder : dated(recorder, calendar),
    async tallyOf(endpoint, run) {
      const kept = recorder.tally(endpoint, run);
      if (kept) return kept;
      const stored = await store.run(endpoint, run);
      return stored && runOf(stored.body).tally;
    },
    async judge(route, to) {
      const missed = await uncopied(route.endpoint);
      return judge({
        route,
        to,
        tally: recorder.tally(route.endpoint, route.run),
        traffic: recorder.traffic(route.endpoint),
        limits: config.gates,
        replicated: isReplicated(route),
        ...(missed ? { uncopied: missed } : {}),
        now: calendar.now(),
        ...(await stateOf(route)),
      });
    },
    keep: (step) => store.addStep(step),
    async pack(route, gates) {
      const { endpoint } = route;
      await recorder.flush();
      const [history, runs, steps, delivered, state] = await Promise.all([
        table.history(endpoint),
        store.runs(endpoint),
        store.steps(endpoint),
        options.deliveredOf(endpoint),
        stateOf(route),
      ]);
      return evidencePack({
        history,
        ...(gates ? { gates } : {}),
        runs: runs.map(({ run, body }) => recorder.tally(endpoint, run) ?? runOf(body).tally),
        traffic: recorder.traffic(endpoint),
        steps,
        rules: options.rulesOf(endpoint),
        delivered,
        limits: config.gates,
        now: calendar.now(),
        ...state,
      });
    },
    async verify(name, { by, reason }) {
      const backend = installed.get(name);
      if (backend?.kind !== 'modern')
        throw new FicusError('not-found', `There is no modern backend "${name}".`);
      const check = await checkContract({
        name,
        backend: backend.bare,
        promises: backend.endpoints.flatMap((endpoint) => promiseOf(contract, endpoint)),
        clock,
        log,
      });
      await store.saveContractCheck(check);
      log.info('contract tests of a backend were run', { backend: name, by, reason });
      return check;
    },
    async waive(route, { days, ...wanted }) {
      const now = calendar.now();
      const until = new Date(now + days * DAY_MS).toISOString();
      const waiver = checkedWaiver({ ...wanted, until }, route, now);
      await store.addWaiver(waiver);
      log.warn('a gate was waived', { endpoint: route.endpoint, by: waiver.by, reason: waiver.reason });
      return waiver;
    },
  };
}

function promiseOf(contract: Contract, endpoint: Endpoint): EndpointPromise[] {
  const [type = '', interaction = ''] = endpoint.split('.');
  if (!contract.promises(type, interaction as Interaction)) return [];
  if (interaction !== 'search') return [{ endpoint }];
  const search = [...(contract.resources.get(type)?.search.values() ?? [])];
  return [{ endpoint, search: search.map(({ definition }) => definition) }];
}

/** The same sink, with the calendar's instants. */
function dated(sink: EvidenceSink, calendar: Clock): EvidenceSink {
  return {
    call: (seen) => sink.call({ ...seen, at: calendar.now() }),
    writing: (endpoint, side) => sink.writing(endpoint, side, calendar.now()),
    compared: (seen) => sink.compared({ ...seen, at: calendar.now() }),
    skipped: (endpoint, run, why) => sink.skipped(endpoint, run, why),
  };
}
