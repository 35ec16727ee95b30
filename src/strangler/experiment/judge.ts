import type { Answered, Comparison, Difference, Pins } from '../../migration-ports.ts';
import { patientOfRequest, patientOfResource } from '../../fhir/patient.ts';
import type { Backend, Clock, Logger, Side } from '../../ports.ts';
import { askedRequest } from './asked-request.ts';
import type { ParseQuery } from './asked-request.ts';
import { applyRules } from '../compare/rules.ts';
import type { Ask, Question } from './ask.ts';
import type { BackOff } from './back-off.ts';
import type { Budget, Permit } from './budget.ts';
import type { ComparableAnswer, ComparableSet } from '../compare/answer.ts';
import type { Compare } from './compare-function.ts';
import { cannotSay, isOneMore } from './beyond-legacy.ts';
import { addressOf, gather } from './gather.ts';
import { pause } from './pause.ts';
import type { RuleBook } from './rules.ts';
import type { Samples } from './samples.ts';
import type { Settled } from './settled.ts';
import { Uncomparable, skipped, uncomparable } from './uncomparable.ts';
import type { Why } from './uncomparable.ts';

export interface JudgeOptions {
  readonly ask: Ask;
  readonly compare: Compare;
  /** What is known, and whether it is accepted. */
  readonly rules: Pick<RuleBook, 'forEndpoint'>;
  readonly parse: ParseQuery;
  readonly samples?: Pick<Samples, 'take'>;
  readonly pins?: Pick<Pins, 'behind'>;
  /** Whether resources of a type are created at modern, and legacy never hears of them. */
  readonly createdAtModernOnly?: (type: string) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause before a difference is read again on both sides, in milliseconds. */
  readonly rereadMs: number;
  readonly maxResources: number;
}

/** A side that can be asked, within its budget. */
export interface AskedSide {
  readonly backend: Backend;
  readonly budget: Budget;
  /** What is left alone because it was too large. */
  readonly sizes: Pick<BackOff, 'resting'>;
  /** To be told of every answer: asking again goes by it. */
  readonly heard: (settled: Settled | 'too-large') => void;
}

/** A question to both sides. */
export interface Case extends Question {
  readonly sides: Readonly<Record<Side, AskedSide>>;
  /** What one side has said already. */
  readonly known?: { readonly side: Answered['side']; readonly settled: Settled };
  /** Leaves to read a difference again, for the legacy backend's sake. */
  readonly rereads: Budget;
  /** Whoever asks waits for what it needs; otherwise what is not to be had at once is done without. */
  readonly patient: boolean;
  /** Leaves to ask that were taken already; whoever uses one takes it out. */
  readonly permits: Map<Side, Permit>;
}

/** What a case came to. */
export type Verdict = Pick<Comparison, 'verdict' | 'differences'> &
  Partial<Pick<Comparison, 'why' | 'floor' | 'sample'>> & {
    /** FHIR id of the patient whom it is about. */
    readonly patientId?: string;
  };

/** Decides a case. Throws Uncomparable, and whatever a fault of ours throws. */
export type Judge = (it: Case, signal: AbortSignal) => Promise<Verdict>;

interface Pair {
  readonly legacy: ComparableAnswer;
  readonly modern: ComparableAnswer;
}

/** Readings again that each kind of difference has beyond the budget; and most kinds that are told apart. */
const RARE = 5;
const MAX_KINDS = 1_000;

/** Readings after the first, until one confirms the one before it. */
const MAX_REREADS = 3;

/**
 * Compares the two answers to one question. A match costs legacy nothing more. A difference is read again on both sides
 * after a pause: what has vanished was in flight; what is there twice is counted, and then legacy is asked once more,
 * one read after the other (two at once would be one in flight), for what it differs by from itself. When each reading
 * differs in another way, the last one counts after three: two sides that never agree are not called even. More
 * differences a second than may be read again are counted as unconfirmed, and against parity; the first ones of a kind
 * are read again all the same.
 */
export function createJudge(options: JudgeOptions): Judge {
  const { ask, compare, rules, parse, samples, pins, clock, log, rereadMs, maxResources } = options;
  const { createdAtModernOnly = () => false } = options;

  async function readSide(side: Side, it: Case, signal: AbortSignal, first?: Settled) {
    const { backend, budget, heard } = it.sides[side];
    const once = async (request: Question['request'], permit?: Permit): Promise<Settled> => {
      const leave = permit ?? (await budget.wait(signal));
      try {
        const settled = await ask(side, backend, { ...it, request }, leave, signal);
        heard(settled);
        return settled;
      } catch (error) {
        if (error === skipped('too-large')) heard('too-large');
        throw error;
      }
    };
    const permit = it.permits.get(side);
    it.permits.delete(side);
    const settled = first ?? (await once(it.request, permit));
    return gather(settled, { side, request: it.request, again: once, parse, maxResources });
  }

  /** Both sides at once. Both are heard to the end, so that nothing of one goes on when the other has failed. */
  async function readBoth(it: Case, signal: AbortSignal): Promise<Pair> {
    const known = (side: Side) => (it.known?.side === side ? it.known.settled : undefined);
    const [legacy, modern] = await Promise.allSettled([
      readSide('legacy', it, signal, known('legacy')),
      readSide('modern', it, signal, known('modern')),
    ]);
    if (legacy.status === 'fulfilled' && modern.status === 'fulfilled')
      return { legacy: legacy.value, modern: modern.value };
    const reasons = [legacy, modern].flatMap((read) =>
      read.status === 'rejected' ? [read.reason as unknown] : [],
    );
    if (reasons.length === 2 && reasons.every(isFailedSide)) throw uncomparable('both-failed');
    // A fault of ours is not hidden behind a side that failed.
    throw reasons.find((reason) => !(reason instanceof Uncomparable)) ?? reasons[0];
  }

  async function differencesOf(it: Case, { legacy, modern }: Pair): Promise<readonly Difference[]> {
    if (cannotSay(legacy, modern)) throw uncomparable('legacy-cannot');
    await pause(0, clock);
    const { endpoint } = it.route;
    const { type } = it.request;
    const found = applyRules(await compare(legacy, modern), rules.forEndpoint(endpoint), clock.now());
    if (!createdAtModernOnly(type)) return found;
    const others = found.filter((difference) => !isOneMore(difference, type, legacy));
    if (others.length === 0 && found.length > 0) throw uncomparable('only-at-modern');
    return others;
  }

  /** Asked after a confirmed difference only. undefined: legacy could not be asked again. */
  async function floorOf(it: Case, legacy: ComparableAnswer, signal: AbortSignal) {
    try {
      const again = await readSide('legacy', it, signal);
      await pause(0, clock);
      return signaturesOf(await compare(legacy, again));
    } catch (error) {
      if (signal.aborted || !(error instanceof Uncomparable)) throw error;
      return undefined;
    }
  }

  async function different(it: Case, pair: Pair, differences: readonly Difference[], signal: AbortSignal) {
    const floor = await floorOf(it, pair.legacy, signal);
    const sample = await sampleOf(it, pair, differences);
    return {
      verdict: 'different',
      differences,
      ...(floor ? { floor: [...floor] } : {}),
      ...(sample === undefined ? {} : { sample }),
    } as const;
  }

  async function sampleOf(it: Case, pair: Pair, differences: readonly Difference[]) {
    const asked = askedRequest(it.request);
    try {
      return asked && (await samples?.take(it.route.endpoint, { asked, ...pair, differences }));
    } catch (error) {
      log.error('a sample could not be kept', { endpoint: it.route.endpoint, error });
      return undefined;
    }
  }

  function isOwed({ request }: Case, patient: string | undefined): boolean {
    const { type, id } = request;
    const what = {
      type,
      ...(id === undefined ? {} : { id }),
      ...(patient === undefined ? {} : { patient }),
    };
    return pins !== undefined && (pins.behind('legacy', what) || pins.behind('modern', what));
  }

  /** Kinds of differences that were read again, and how often, since an endpoint's evidence began. */
  const readAgain = new Map<string, { readonly run: number; readonly times: Map<string, number> }>();

  /**
   * Whether a kind is among them that was hardly ever read again: what is frequent must not use up the leave of what is
   * rare.
   */
  function isRare({ route }: Case, differences: readonly Difference[]): boolean {
    let known = readAgain.get(route.endpoint);
    if (known?.run !== route.run)
      readAgain.set(route.endpoint, (known = { run: route.run, times: new Map() }));
    const { times } = known;
    const graver = differences.filter((difference) => !isNoise(difference));
    const rare = graver.some(({ signature }) => (times.get(signature) ?? 0) < RARE);
    if (rare && times.size < MAX_KINDS)
      for (const { signature } of graver) times.set(signature, (times.get(signature) ?? 0) + 1);
    return rare && times.size < MAX_KINDS;
  }

  return async (it, signal) => {
    let patientId = patientOfRequest(it.request);
    const owedBefore = isOwed(it, patientId);
    let pair = await readBoth(it, signal);
    const { known: _known, ...anew } = it;
    const again: Case = { ...anew, permits: new Map() };
    patientId ??= patientOfPair(pair);
    const about = patientId === undefined ? {} : { patientId };
    let differences = await differencesOf(it, pair);
    if (differences.length === 0) return { ...about, ...evenIfWhole(pair) };
    const inFlight = { ...about, verdict: 'in-flight', differences: [] } as const;
    if (owedBefore || isOwed(it, patientId)) return { ...inFlight, why: 'owed' };
    // What is known and accepted is not asked after again.
    if (differences.every(isNoise)) return { ...about, verdict: 'different', differences };
    if (!isRare(it, differences) && !(await mayReread(it, signal)))
      throw uncomparable(unconfirmed(differences));
    for (let reading = 1; ; reading++) {
      await pause(rereadMs, clock, signal);
      pair = await readBoth(again, signal);
      const before = signaturesOf(differences);
      differences = await differencesOf(it, pair);
      if (isOwed(it, patientId)) return { ...inFlight, why: 'owed' };
      if (differences.every(isNoise)) return { ...inFlight, why: 'vanished' };
      const confirmed = differences.filter((it) => isNoise(it) || before.has(it.signature));
      const counted = confirmed.every(isNoise) ? differences : confirmed;
      if (counted === confirmed || reading === MAX_REREADS)
        return { ...about, ...(await different(again, pair, counted, signal)) };
    }
  };
}

/** Whether a difference may be read again; over the budget it is counted as one that was not. */
async function mayReread({ rereads, patient }: Case, signal: AbortSignal): Promise<boolean> {
  if (!patient && rereads.full() !== undefined) return false;
  (patient ? await rereads.wait(signal) : rereads.take()).release();
  return true;
}

const unconfirmed = (differences: readonly Difference[]): Why =>
  differences.some(({ severity }) => severity === 'critical' || severity === 'major')
    ? 'unconfirmed'
    : 'unconfirmed-minor';

const isNoise = ({ severity }: Difference): boolean => severity === 'noise';

/** No difference proves that two answers are alike only when both are whole, or go on after the same resources. */
function evenIfWhole({ legacy, modern }: Pair): Pick<Verdict, 'verdict' | 'differences'> {
  const sets = [legacy, modern].flatMap((answer) => (answer.kind === 'set' ? [answer] : []));
  if (sets.some(({ partial }) => partial)) throw uncomparable('incomplete');
  const [one, other] = sets;
  const cutAlike = one && other && !one.complete && !other.complete && sameAddresses(one, other);
  if (!cutAlike && sets.some(({ complete }) => !complete)) throw uncomparable('too-many');
  return { verdict: 'match', differences: [] };
}

function sameAddresses(one: ComparableSet, other: ComparableSet): boolean {
  const addresses = new Set(one.matches.map(addressOf));
  return (
    one.matches.length === other.matches.length && other.matches.every((it) => addresses.has(addressOf(it)))
  );
}

function isFailedSide(reason: unknown): boolean {
  return (
    reason instanceof Uncomparable &&
    'why' in reason.outcome &&
    (reason.outcome.why === 'legacy-failed' || reason.outcome.why === 'modern-failed')
  );
}

function signaturesOf(differences: readonly Difference[]): ReadonlySet<string> {
  return new Set(differences.map(({ signature }) => signature));
}

/** Whose record was read, by either side. */
function patientOfPair({ legacy, modern }: Pair): string | undefined {
  for (const answer of [legacy, modern]) {
    const patient = answer.kind === 'resource' ? patientOfResource(answer.resource) : undefined;
    if (patient !== undefined) return patient;
  }
  return undefined;
}
