import type { Endpoint } from '../../fhir/types.ts';
import type { CallSeen, Comparison, EvidenceSink, Skipped } from '../../migration-ports.ts';
import type { Clock, Logger, Side } from '../../ports.ts';
import { giveBack, takeAdded } from './bounded-set.ts';
import { HASH_KINDS } from './evidence-store.ts';
import type { EvidenceStore, RunHashes, RunSaved, TrafficSaved } from './evidence-store.ts';
import { runOf, runText, trafficOf, trafficText } from './stored.ts';
import { addCall, addComparison, addSkipped, createTally } from './tally.ts';
import type { Tally } from './tally.ts';
import { addAsked, addTraffic, createTraffic } from './traffic.ts';
import type { Traffic } from './traffic.ts';
import type { Watch, WatchState } from './watch.ts';

export interface RecorderOptions {
  readonly store: EvidenceStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of everything within the call that tells it. */
  readonly watch?: Watch;
  /**
   * Longest that something is kept in memory only, in milliseconds; default 1,000. Critical differences are kept at
   * once.
   */
  readonly flushMs?: number;
}

/** Counts everything that is seen, in memory, and keeps it. */
export interface EvidenceRecorder extends EvidenceSink {
  /** Reads back what is known of these runs; before the first request. @throws what the store throws */
  start(routes: readonly { readonly endpoint: Endpoint; readonly run: number }[]): Promise<void>;
  /** What was seen of an endpoint in a run; undefined: nothing. It goes on changing. */
  tally(endpoint: Endpoint, run: number): Tally | undefined;
  /** What clients ask of an endpoint, over all runs. It goes on changing. */
  traffic(endpoint: Endpoint): Traffic | undefined;
  /** Keeps what has changed. Never rejects: what could not be kept is tried again. */
  flush(): Promise<void>;
  /** Keeps what has changed, for the last time. */
  stop(): Promise<void>;
  /** What went wrong: `failed` saves and counts; `late`: told of a run so old that it is in memory no more. */
  readonly lost: { readonly failed: number; readonly late: number };
}

interface Run {
  readonly tally: Tally;
  readonly watch: WatchState | undefined;
  dirty: boolean;
}

interface Known {
  /** Newest first. */
  runs: Run[];
  readonly traffic: Traffic;
  trafficDirty: boolean;
}

/** A comparison may be told after its run has ended; so many runs of an endpoint are in memory for it. */
const RUNS_IN_MEMORY = 3;

/** An EvidenceSink that remembers. `call` costs well under a microsecond: it counts, and nothing else. */
export function createEvidenceRecorder(options: RecorderOptions): EvidenceRecorder {
  const { store, clock, log, watch, flushMs = 1_000 } = options;
  const known = new Map<Endpoint, Known>();
  const lost = { failed: 0, late: 0 };
  let cancel: (() => void) | undefined;
  let saving: Promise<void> = Promise.resolve();
  let stopped = false;

  function knownOf(endpoint: Endpoint): Known {
    const there = known.get(endpoint);
    if (there) return there;
    const made = { runs: [], traffic: createTraffic(endpoint), trafficDirty: false };
    known.set(endpoint, made);
    return made;
  }

  /** The run that an event belongs to; undefined: it has gone. */
  function runAt(at: Known, endpoint: Endpoint, run: number): Run | undefined {
    const [newest] = at.runs;
    if (newest?.tally.run === run) return newest;
    const there = at.runs.find(({ tally }) => tally.run === run);
    if (there) return there;
    if (newest && run < newest.tally.run) {
      lost.late += 1;
      return undefined;
    }
    const made: Run = { tally: createTally(endpoint, run), watch: watch?.start(), dirty: true };
    at.runs = [made, ...at.runs];
    return made;
  }

  /** Nothing of the evidence ever reaches whoever tells it. */
  function uncounted(endpoint: Endpoint, error: unknown): void {
    lost.failed += 1;
    log.error('evidence could not be counted', { endpoint, error });
  }

  function changed(run: Run): void {
    run.dirty = true;
    keepSoon();
  }

  function keepSoon(): void {
    if (cancel === undefined && !stopped) cancel = clock.after(flushMs, () => void flush());
  }

  function flush(): Promise<void> {
    cancel?.();
    cancel = undefined;
    return keep(false);
  }

  /** One save at a time, each with what has changed by then. */
  function keep(durable: boolean): Promise<void> {
    saving = saving.then(() => save(durable));
    return saving;
  }

  async function save(durable: boolean): Promise<void> {
    const dirty = [...known.values()].flatMap(({ runs }) => runs.filter((run) => run.dirty));
    const moved = [...known.values()].filter(({ trafficDirty }) => trafficDirty);
    if (dirty.length === 0 && moved.length === 0) return;
    const runs: RunSaved[] = [];
    try {
      for (const run of dirty) runs.push(savedRun(run));
      const traffic = moved.map(savedTraffic);
      await store.save(runs, traffic, durable);
      for (const { runs } of known.values()) forgetOld(runs);
    } catch (error) {
      lost.failed += 1;
      log.error('evidence could not be kept; it is tried again', { count: runs.length, error });
      for (const [index, { added }] of runs.entries()) {
        const run = dirty[index]!;
        for (const kind of HASH_KINDS) giveBack(run.tally[kind], added[kind]);
      }
      for (const at of moved) at.trafficDirty = true;
      for (const run of dirty) changed(run);
      keepSoon();
    }
  }

  return {
    lost,
    async start(routes) {
      for (const { endpoint, run } of routes) {
        const at = knownOf(endpoint);
        const [kept, traffic] = await Promise.all([store.run(endpoint, run), store.traffic(endpoint)]);
        if (traffic !== undefined) known.set(endpoint, { ...at, traffic: trafficOf(traffic) });
        if (!kept) continue;
        const { tally, watch: state = watch?.start() } = runOf(kept.body);
        for (const kind of HASH_KINDS) for (const hash of kept.hashes[kind]) tally[kind].members.add(hash);
        knownOf(endpoint).runs.unshift({ tally, watch: state, dirty: false });
        if (state) watch?.resume(state, tally);
      }
    },
    call(seen: CallSeen) {
      try {
        const at = knownOf(seen.endpoint);
        addTraffic(at.traffic, seen);
        at.trafficDirty = true;
        const run = runAt(at, seen.endpoint, seen.run);
        if (!run) return;
        addCall(run.tally, seen);
        changed(run);
        if (watch && run.watch) watch.call(run.watch, run.tally, seen);
      } catch (error) {
        uncounted(seen.endpoint, error);
      }
    },
    writing(endpoint: Endpoint, side: Side, when: number) {
      try {
        const at = knownOf(endpoint);
        addAsked(at.traffic, side, when);
        at.trafficDirty = true;
        keepSoon();
      } catch (error) {
        uncounted(endpoint, error);
      }
    },
    compared(seen: Comparison) {
      try {
        const run = runAt(knownOf(seen.endpoint), seen.endpoint, seen.run);
        if (!run) return;
        const before = run.tally.trials.critical;
        addComparison(run.tally, seen);
        changed(run);
        if (watch && run.watch) watch.compared(run.watch, run.tally, seen);
        if (run.tally.trials.critical > before) void keep(true);
      } catch (error) {
        uncounted(seen.endpoint, error);
      }
    },
    skipped(endpoint: Endpoint, run: number, why: Skipped) {
      try {
        const there = runAt(knownOf(endpoint), endpoint, run);
        if (!there) return;
        addSkipped(there.tally, why);
        changed(there);
      } catch (error) {
        uncounted(endpoint, error);
      }
    },
    tally: (endpoint, run) => known.get(endpoint)?.runs.find(({ tally }) => tally.run === run)?.tally,
    traffic: (endpoint) => known.get(endpoint)?.traffic,
    flush,
    async stop() {
      stopped = true;
      cancel?.();
      cancel = undefined;
      await keep(true);
    },
  };
}

function savedRun(run: Run): RunSaved {
  const { tally } = run;
  run.dirty = false;
  const body = runText(tally, run.watch);
  const added: RunHashes = {
    patients: takeAdded(tally.patients),
    requests: takeAdded(tally.requests),
    replayed: takeAdded(tally.replayed),
  };
  return { endpoint: tally.endpoint, run: tally.run, body, added };
}

function savedTraffic(at: Known): TrafficSaved {
  at.trafficDirty = false;
  return { endpoint: at.traffic.endpoint, body: trafficText(at.traffic) };
}

/** What is kept need not be remembered, but for the newest runs. */
function forgetOld(runs: Run[]): void {
  while (runs.length > RUNS_IN_MEMORY && runs.at(-1)?.dirty === false) runs.pop();
}
