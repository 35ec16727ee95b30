import type { Answered, Comparison, EvidenceSink, Experiment, Skipped } from '../../migration-ports.ts';
import type { Backend, Route } from '../../ports.ts';
import { createAdmission } from './admission.ts';
import type { ShadowLimits } from './admission.ts';
import { requestText } from './asked-request.ts';
import { createAsk } from './ask.ts';
import type { Question } from './ask.ts';
import type { Capture } from './capture.ts';
import { createJudge } from './judge.ts';
import type { Case, JudgeOptions, Verdict } from './judge.ts';
import { pause } from './pause.ts';
import { Uncomparable, skipped, uncomparable } from './uncomparable.ts';
import type { Why } from './uncomparable.ts';
import { createKeyedHash } from './vault.ts';

type Judged = 'clock' | 'compare' | 'createdAtModernOnly' | 'log' | 'parse' | 'pins' | 'rules' | 'samples';

export interface ExperimentOptions extends Pick<JudgeOptions, Judged> {
  /** By name, with their Layers (best without a retry: a shadow that failed has failed). */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly limits: ShadowLimits;
  readonly evidence: EvidenceSink;
  readonly capture?: Pick<Capture, 'seen'>;
  /** Keys the hashes of patients and requests; at least 32 bytes. */
  readonly key: Uint8Array;
  /** Decides which requests are in the sample: 0 to 1, exclusive; default Math.random. */
  readonly random?: () => number;
  /** Comparisons of clients' answers under way at once, those that wait to be read again included; default 64. */
  readonly maxRunning?: number;
  /** A set is followed over its pages while it is smaller than this; default 200 resources. */
  readonly maxResources?: number;
  /** How long `stop` waits for what is under way, in milliseconds; default 1,000. */
  readonly graceMs?: number;
}

export interface RunningExperiment extends Experiment {
  /**
   * Asks both sides and compares, for somebody who waits for it (a replay), within the same budgets. Told to the
   * evidence like any other, as `replay`. Never rejects.
   * @param signal gives it up; then the result is undefined, and it is counted as `stopping`
   */
  compareBoth(question: Question, signal: AbortSignal): Promise<Comparison | undefined>;
  /** Comparisons under way. */
  readonly running: number;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Begins nothing any more; what is under way has a moment to end, and is counted as `stopping` else. */
  stop(): Promise<void>;
}

/** Longest life of a comparison in milliseconds; or so many deadlines, when that is more. */
const LIFE_MS = 120_000;
const LIFE_DEADLINES = 8;

/** What a case came to, as it is counted. */
type Ending = Verdict | { readonly skipped: Skipped };

/**
 * The experiment: what clients were answered is asked of the other side as well, when the answer has gone. Each call of
 * `answered` ends in exactly one `evidence.compared` or `evidence.skipped`. Over a budget it is skipped at once; only a
 * comparison that has begun waits for leave to read again.
 *
 * What is compared is what the client would see: `_summary` and `_elements` as the client asked for them
 * (`_summary=count`: the totals); a read that was answered 304 is asked again without its condition. A version of a
 * record (vread) is each side's own and not compared; a resource of any type is (a Binary within the limit of bytes). A
 * later page is skipped: its search was followed over its pages when the first one was compared.
 *
 * A side that fails technically gives nothing to compare, both failing included: that is counted as calls that failed,
 * not as parity.
 */
export function createExperiment(options: ExperimentOptions): RunningExperiment {
  const { limits, evidence, capture, key, clock, log } = options;
  const { random = Math.random, maxRunning = 64, maxResources = 200, graceMs = 1_000 } = options;
  const admission = createAdmission({ backends: options.backends, limits, clock, random });
  const ask = createAsk({ ...limits, evidence, clock, log });
  const judge = createJudge({ ...options, ask, rereadMs: limits.rereadMs, maxResources });
  const hashPatient = createKeyedHash(key, 'ficus: patients of comparisons');
  const hashRequest = createKeyedHash(key, 'ficus: requests of comparisons');
  const under = new Map<Promise<unknown>, AbortController>();
  let stopped = false;

  async function decide(it: Case, controller: AbortController): Promise<Ending> {
    const life = Math.max(LIFE_MS, LIFE_DEADLINES * limits.deadlineMs);
    const cancelLife = clock.after(life, () => controller.abort(uncomparable('budget')));
    try {
      // The turn in which the client was answered is the client's.
      await pause(0, clock);
      return await judge(it, controller.signal);
    } catch (error) {
      return endingOf(error, it.route);
    } finally {
      cancelLife();
      for (const permit of it.permits.values()) permit.release();
    }
  }

  function endingOf(error: unknown, { endpoint }: Route): Ending {
    if (error instanceof Uncomparable) {
      return 'skipped' in error.outcome ? error.outcome : notComparable(error.outcome.why);
    }
    log.error('a fault within a comparison', { endpoint, error });
    return notComparable('internal');
  }

  /** Tells the evidence, once. */
  function count(
    ending: Ending,
    source: Comparison['source'],
    { route, request, shape }: Pick<Question, 'route' | 'request' | 'shape'>,
  ): Comparison | undefined {
    const { endpoint, run } = route;
    if ('skipped' in ending) {
      evidence.skipped(endpoint, run, ending.skipped);
      return undefined;
    }
    const { patientId, ...verdict } = ending;
    const comparison: Comparison = {
      endpoint,
      run,
      shape,
      ...(patientId === undefined ? {} : { patient: hashPatient(patientId) }),
      request: hashRequest(requestText(request)),
      source,
      ...verdict,
      at: clock.now(),
    };
    evidence.compared(comparison);
    return comparison;
  }

  /** Runs a case beside everything else. */
  function begin(it: Case, source: Comparison['source'], controller = new AbortController()) {
    const task = decide(it, controller)
      .then((ending) => count(ending, source, it))
      .catch((error: unknown) => {
        log.error('a comparison could not be told to the evidence', { endpoint: it.route.endpoint, error });
        return undefined;
      })
      .finally(() => under.delete(task));
    under.set(task, controller);
    return task;
  }

  /** @throws Uncomparable */
  function admit(it: Answered): Case {
    if (stopped) throw skipped('stopping');
    if (under.size >= maxRunning) throw skipped('concurrency');
    return admission.live(it);
  }

  function answered(it: Answered): void {
    const { endpoint } = it.route;
    try {
      capture?.seen(endpoint, it.shape, it.request);
      let admitted: Case;
      try {
        admitted = admit(it);
      } catch (error) {
        count(endingOf(error, it.route), 'live', it);
        return;
      }
      void begin(admitted, 'live');
    } catch (error) {
      log.error('an answer could not be told to the evidence', { endpoint, error });
    }
  }

  async function compareBoth(question: Question, signal: AbortSignal): Promise<Comparison | undefined> {
    const controller = new AbortController();
    const giveUp = () => controller.abort(skipped('stopping'));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (stopped || signal.aborted) throw skipped('stopping');
      return await begin(admission.patient(question), 'replay', controller);
    } catch (error) {
      return count(endingOf(error, question.route), 'replay', question);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async function idle(): Promise<void> {
    while (under.size > 0) await Promise.all(under.keys());
  }

  return {
    answered,
    compareBoth,
    idle,
    get running() {
      return under.size;
    },
    async stop() {
      stopped = true;
      const cancel = clock.after(graceMs, () => {
        for (const controller of under.values()) controller.abort(skipped('stopping'));
      });
      await idle();
      cancel();
    },
  };
}

function notComparable(why: Why): Verdict {
  return { verdict: 'not-comparable', why, differences: [] };
}
