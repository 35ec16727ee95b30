import type { Answered } from '../../migration-ports.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Backend, Clock, FhirRequest, Route, Side } from '../../ports.ts';
import type { Question } from './ask.ts';
import { createBackOff } from './back-off.ts';
import type { BackOff } from './back-off.ts';
import { createBudget } from './budget.ts';
import type { Budget, Permit } from './budget.ts';
import type { AskedSide, Case } from './judge.ts';
import { atHand, isTelling, restOf } from './settled.ts';
import type { Settled } from './settled.ts';
import { skipped, uncomparable } from './uncomparable.ts';

/** What the experiment may cost; `migration.shadow` of the configuration. */
export interface ShadowLimits {
  /** Share of requests that are also asked of the other side, 0 to 1. */
  readonly share: number;
  /** Requests in flight at once, for each backend. */
  readonly concurrency: number;
  /** Requests a second, for each backend. */
  readonly perSecond: number;
  /** Longest that one request waits, in milliseconds. */
  readonly deadlineMs: number;
  /** Larger answers are broken off. */
  readonly maxBytes: number;
  /** Pause before a difference is read again, in milliseconds. */
  readonly rereadMs: number;
  /** Differences that are read again a second, for each legacy backend. */
  readonly rereadsPerSecond: number;
}

export interface AdmissionOptions {
  /** By name. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly limits: ShadowLimits;
  readonly clock: Clock;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
}

/** Makes cases of questions, or refuses them. Both methods throw Uncomparable. */
export interface Admission {
  /** With the leaves to ask that it needs, taken at this moment or not at all. */
  live(answered: Answered): Case;
  /** Without any: whoever asks waits for its turn. */
  patient(question: Question): Case;
}

/** A service that wants to be left alone for longer is asked again after this. */
const LONGEST_REST_MS = 600_000;

/** One budget for each backend, whichever endpoints it answers; answers that are too large count by endpoint. */
export function createAdmission({ backends, limits, clock, random }: AdmissionOptions): Admission {
  const budgets = new Map<string, Budget>();
  const backOffs = new Map<string, BackOff>();
  const rereads = new Map<string, Budget>();

  function sideOf(name: string | undefined, endpoint: Endpoint): AskedSide {
    const backend = name === undefined ? undefined : backends.get(name);
    if (name === undefined || !backend) throw uncomparable('not-wired');
    let budget = budgets.get(name);
    if (!budget) budgets.set(name, (budget = createBudget({ ...limits, clock })));
    const key = `${name} ${endpoint}`;
    let sizes = backOffs.get(key);
    if (!sizes) backOffs.set(key, (sizes = createBackOff(clock)));
    return { backend, budget, sizes, heard: (settled) => heard(settled, budget, sizes) };
  }

  /** Of a backend that is wired. */
  function rereadsOf({ legacy = '' }: Route): Budget {
    let budget = rereads.get(legacy);
    if (!budget) {
      const perSecond = limits.rereadsPerSecond;
      rereads.set(legacy, (budget = createBudget({ concurrency: Infinity, perSecond, clock })));
    }
    return budget;
  }

  /** What an answer says of asking again. */
  function heard(settled: Settled | 'too-large', budget: Budget, sizes: BackOff): void {
    if (settled === 'too-large') sizes.failed();
    else if (isTelling(settled)) sizes.served();
    const restMs = settled === 'too-large' ? 0 : restOf(settled, clock.now());
    if (restMs > 0) budget.rest(Math.min(restMs, LONGEST_REST_MS));
  }

  const sidesOf = ({ legacy, modern, endpoint }: Route) => ({
    legacy: sideOf(legacy, endpoint),
    modern: sideOf(modern, endpoint),
  });

  return {
    live({ side, outcome, ...question }) {
      const request = comparableRequest(question.request);
      if (random() >= limits.share) throw skipped('not-sampled');
      const sides = sidesOf(question.route);
      const settled = atHand(outcome);
      if (settled && !isTelling(settled)) throw uncomparable(`${side}-failed`);
      const needed = (['legacy', 'modern'] as const).filter((it) => !settled || it !== side);
      for (const it of needed) {
        const why = sides[it].sizes.resting ? 'backing-off' : sides[it].budget.full();
        if (why !== undefined) throw skipped(why);
      }
      const permits = new Map(needed.map((it): [Side, Permit] => [it, sides[it].budget.take()]));
      const known = settled ? { known: { side, settled } } : {};
      return {
        ...question,
        request,
        sides,
        permits,
        rereads: rereadsOf(question.route),
        patient: false,
        ...known,
      };
    },
    patient: (question) => ({
      ...question,
      request: comparableRequest(question.request),
      sides: sidesOf(question.route),
      permits: new Map(),
      rereads: rereadsOf(question.route),
      patient: true,
    }),
  };
}

/**
 * The question alone, whatever the client had already.
 * @throws Uncomparable for what cannot be asked of the other side
 */
function comparableRequest(request: FhirRequest): FhirRequest {
  const { interaction, query } = request;
  if (interaction === 'vread' || interaction === 'history') throw uncomparable('versions');
  if (interaction !== 'read' && interaction !== 'search') throw uncomparable('not-a-read');
  if (query?.page !== undefined) throw skipped('page');
  const { ifNoneMatch: _ifNoneMatch, ifMatch: _ifMatch, ...question } = request;
  return question;
}
