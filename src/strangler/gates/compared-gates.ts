import compartment from '../../fhir/data/patient-compartment.json' with { type: 'json' };
import { sizeOf } from './bounded-set.ts';
import type { Gate, GateName, GateVerdict } from './gate.ts';
import type { GateLimits } from './limits.ts';
import { expected, staleAfter } from './pace.ts';
import { evidenceAgainst } from './sequential.ts';
import type { Tally } from './tally.ts';
import type { Traffic } from './traffic.ts';
import { apart, instant, many, number, percent, percentAtMost, roughly } from './words.ts';

const DAY_MS = 86_400_000;
/** Names in a sentence; the report has all of them. */
const NAMED = 5;

/** What the gates over comparisons look at. */
export interface Compared {
  /** undefined: nothing was seen since the run began. */
  readonly tally: Tally | undefined;
  readonly traffic: Traffic | undefined;
  readonly limits: GateLimits;
  /** Epoch milliseconds. */
  readonly now: number;
}

interface Measured {
  readonly name: GateName;
  readonly threshold: string;
  readonly value: string;
  readonly verdict: GateVerdict;
  readonly words: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** None, and enough comparisons to show, but for a chance of `alpha`, that their rate is under the limit, whenever it is looked at. */
export function criticalsGate(compared: Compared): Gate {
  const { tally, limits, now } = compared;
  const { count, critical } = tally?.trials ?? { count: 0, critical: 0 };
  const evidence = evidenceAgainst(count, critical, { limit: limits.criticalRate, alpha: limits.alpha });
  const { needed, upperBound, logE } = evidence;
  const threshold = `none, and a rate under ${percent(limits.criticalRate)} (chance of being wrong ${percent(limits.alpha)})`;
  const value = `${number(critical)} of ${number(count)}; the rate is under ${percentAtMost(upperBound)}`;
  const figures = { comparisons: count, critical, needed, upperBound, logE };
  const base = { name: 'criticals', threshold, value, figures } as const;
  if (critical > 0) {
    const words = `${many(critical, 'comparison')} of ${number(count)} with a critical difference: ${criticalSignatures(tally)}. A fresh run starts the count again.`;
    return gate(compared, { ...base, verdict: 'fail', words });
  }
  if (!tally || count === 0)
    return gate(compared, {
      ...base,
      verdict: 'insufficient',
      words: `No comparison yet: at least ${number(needed)} without a critical difference ${needed === 1 ? 'is' : 'are'} needed.`,
    });
  if (!evidence.enough) {
    const words = `${expected(needed, tally, 'trials', now)}: ${many(needed, 'more comparison')} without a critical difference.`;
    return gate(compared, { ...base, verdict: 'insufficient', words: capital(words) });
  }
  const words = `No critical difference in ${many(count, 'comparison')}: their rate is under ${percentAtMost(upperBound)}.`;
  return gate(compared, { ...base, verdict: 'pass', words });
}

function criticalSignatures(tally: Tally | undefined): string {
  const critical = [...(tally?.signatures.values() ?? [])]
    .filter(({ severity }) => severity === 'critical')
    .toSorted((a, b) => b.count - a.count);
  return listed(critical.map(({ signature, count }) => `${signature} (${number(count)})`));
}

/** The share of comparisons without a critical or major difference. */
export function parityGate(compared: Compared): Gate {
  const { tally, limits, now } = compared;
  const { count, critical, major } = tally?.trials ?? { count: 0, critical: 0, major: 0 };
  const { live, replay } = tally?.verdicts ?? {};
  const unconfirmed = [live, replay].reduce(
    (sum, it) => sum + (it?.notComparable.get('unconfirmed') ?? 0),
    0,
  );
  // What differed and was not read again is not told from what was in flight: it may not make parity better.
  const grave = critical + major + unconfirmed;
  const all = count + unconfirmed;
  const share = all === 0 ? 0 : (all - grave) / all;
  const base = {
    name: 'parity',
    threshold: `${percent(limits.parity)} or more, over ${many(limits.minCalls, 'comparison')} or more`,
    value: all === 0 ? 'nothing compared' : `${percent(share)} of ${number(all)}`,
    figures: { comparisons: count, critical, major, unconfirmed, parity: share },
  } as const;
  const allowed = (1 - limits.parity) * Math.max(all, limits.minCalls);
  // A little more than allowed by the last digit of a sum is not more.
  if (grave > allowed + 1e-9) {
    const notAgain = unconfirmed === 0 ? '' : ` (${number(unconfirmed)} of them not read again)`;
    const words = `${many(grave, 'comparison')} of ${number(all)} with a critical or major difference${notAgain}: ${apart(share, limits.parity).join(' parity, ')} is asked for.`;
    return gate(compared, { ...base, verdict: 'fail', words });
  }
  const missing = limits.minCalls - count;
  if (!tally || count === 0)
    return gate(compared, { ...base, verdict: 'insufficient', words: 'No comparison yet.' });
  if (missing > 0) {
    const words = capital(`${expected(missing, tally, 'trials', now)}: ${many(missing, 'more comparison')}.`);
    return gate(compared, { ...base, verdict: 'insufficient', words });
  }
  const words = `${percent(share)} of ${many(all, 'comparison')} without a critical or major difference.`;
  return gate(compared, { ...base, verdict: 'pass', words });
}

/** Every combination of search parameters that clients used lately was compared in this run. */
export function shapesGate(compared: Compared): Gate {
  const { tally, traffic, limits, now } = compared;
  const since = now - limits.shapeDays * DAY_MS;
  const seen = [...(traffic?.shapes ?? [])].filter(([, { last }]) => last >= since);
  const missing = seen.filter(([shape]) => !tally?.shapes.has(shape)).map(([shape]) => shape);
  const untold = traffic?.untold !== undefined && traffic.untold >= since;
  const base = {
    name: 'shapes',
    threshold: `every search shape seen in ${many(limits.shapeDays, 'day')}`,
    value: `${number(seen.length - missing.length)} of ${number(seen.length)}`,
    figures: { seen: seen.length, compared: seen.length - missing.length },
  } as const;
  if (seen.length === 0)
    return gate(compared, { ...base, verdict: 'insufficient', words: 'No search of a client was seen yet.' });
  if (missing.length > 0) {
    const words = `Not compared yet: ${listed(missing.map(shapeName), '; ')}.`;
    return gate(compared, { ...base, verdict: 'insufficient', words });
  }
  if (untold)
    return gate(compared, {
      ...base,
      verdict: 'insufficient',
      words: 'There are more search shapes than are told apart; whether all were compared is not known.',
    });
  const watched = now - (traffic?.first ?? now);
  const short =
    watched < limits.shapeDays * DAY_MS
      ? ` Clients have been watched for ${roughly(watched).replace('about ', '')} only.`
      : '';
  const words = `All ${many(seen.length, 'search shape')} seen in ${many(limits.shapeDays, 'day')} compared.${short}`;
  return gate(compared, { ...base, verdict: 'pass', words });
}

/** Answers about enough different patients were compared; many answers about one would say little. */
export function patientsGate(compared: Compared): Gate {
  const { tally, limits } = compared;
  const count = tally ? sizeOf(tally.patients) : 0;
  const least = tally?.patients.full === true ? 'at least ' : '';
  const base = {
    name: 'patients',
    threshold: `${number(limits.minPatients)} or more`,
    value: `${least}${number(count)}`,
    figures: { patients: count },
  } as const;
  if (count >= limits.minPatients)
    return gate(compared, {
      ...base,
      verdict: 'pass',
      words: `Answers about ${least}${many(count, 'patient')} compared.`,
    });
  const words = `${many(limits.minPatients - count, 'more patient')} must be among those compared: ${number(count)} of ${number(limits.minPatients)} so far.`;
  return gate(compared, { ...base, verdict: 'insufficient', words });
}

/**
 * Whether resources of a type belong to patients (FHIR R4 compartmentdefinition-patient.html): of others no patients
 * can be counted.
 */
export function concernsPatients(type: string): boolean {
  return (
    type === 'Patient' ||
    ((compartment as Readonly<Record<string, readonly string[]>>)[type]?.length ?? 0) > 0
  );
}

/** A pass that nothing newer supports is stale. */
function gate({ tally, limits, now }: Compared, measured: Measured): Gate {
  const { count, first, last } = tally?.trials ?? { count: 0 };
  const evidence =
    first === undefined || last === undefined
      ? 'no comparison'
      : `${many(count, 'comparison')} from ${instant(first)} to ${instant(last)}`;
  if (measured.verdict !== 'pass' || !tally || last === undefined) return { ...measured, evidence };
  const limit = staleAfter(tally, limits.staleMinutes);
  if (now - last <= limit) return { ...measured, evidence };
  const words = `No comparison for ${roughly(now - last).replace('about ', '')}; after ${roughly(limit).replace('about ', '')} evidence is stale. Before that: ${measured.words}`;
  return { ...measured, evidence, verdict: 'stale', words };
}

function listed(names: readonly string[], separator = ', '): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(separator) + (more > 0 ? ` and ${number(more)} more` : '');
}

const shapeName = (shape: string): string => (shape === '' ? 'a search without parameters' : shape);

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
