import type { Owed } from '../../migration-ports.ts';
import type { Route, Side } from '../../ports.ts';
import type { ContractCheck } from './contract-check.ts';
import type { Gate } from './gate.ts';
import type { GateLimits } from './limits.ts';
import type { Uncopied } from './uncopied.ts';
import { instant, many, number, roughly } from './words.ts';

/** The contract tests of a backend say little about what runs there a month later. */
const CONTRACT_DAYS = 30;
const DAY_MS = 86_400_000;

/** What the reconciler found when it last went over both sides. */
export interface DriftSummary {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Resources looked at on both sides; those on their way to one of them are not among them. */
  readonly checked: number;
  /** Resources that differ, read again before they were counted, or that could not be read. */
  readonly differences: number;
}

/** Both owners are named: one who answers for the service, one who answers for the patients. */
export function ownersGate({ owners }: Pick<Route, 'owners'>): Gate {
  const missing = (['technical', 'clinical'] as const).filter((role) => (owners?.[role] ?? '') === '');
  const named = [owners?.technical, owners?.clinical].filter((name) => name !== undefined && name !== '');
  return {
    name: 'owners',
    threshold: 'a technical and a clinical owner',
    value: named.length === 0 ? 'none' : named.join(', '),
    evidence: 'the route',
    verdict: missing.length === 0 ? 'pass' : 'fail',
    words: missing.length === 0 ? 'Both owners are named.' : `No ${missing.join(' and no ')} owner is named.`,
    figures: { named: named.length },
  };
}

/** Nobody holds the endpoint. */
export function holdGate({ hold }: Pick<Route, 'hold'>): Gate {
  return {
    name: 'hold',
    threshold: 'not held',
    value: hold ? 'held' : 'not held',
    evidence: 'the route',
    verdict: hold ? 'fail' : 'pass',
    words: hold ? `Held by ${hold.by} since ${hold.at}: ${hold.reason}` : 'Nobody holds it.',
    figures: {},
  };
}

/** The contract tests of the modern backend are green, and this endpoint is among what they test. */
export function contractGate(route: Route, check: ContractCheck | undefined, now: number): Gate {
  const base = {
    name: 'contract',
    threshold: `all passed within ${CONTRACT_DAYS} days`,
    value: check ? `${number(check.passed)} passed, ${number(check.failed.length)} failed` : 'not run',
    evidence: check ? `checked ${instant(check.at)}` : 'no check of the backend',
    figures: check ? { passed: check.passed, failed: check.failed.length } : {},
  } as const;
  const backend = route.modern ?? 'the modern backend';
  if (!check || check.backend !== route.modern)
    return {
      ...base,
      verdict: 'insufficient',
      words: `The contract tests of ${backend} have not been run (\`ficus migrate verify\`).`,
    };
  const [first] = check.failed;
  if (first) {
    const more = check.failed.length > 1 ? ` and ${number(check.failed.length - 1)} more` : '';
    return {
      ...base,
      verdict: 'fail',
      words: `Contract tests of ${backend} failed: ${first.name} (${first.words})${more}.`,
    };
  }
  if (!check.endpoints.includes(route.endpoint) || check.passed === 0)
    return {
      ...base,
      verdict: 'insufficient',
      words: `The contract tests of ${backend} have not tested ${route.endpoint}.`,
    };
  if (now - check.at > CONTRACT_DAYS * DAY_MS)
    return {
      ...base,
      verdict: 'stale',
      words: `The contract tests of ${backend} were last run ${instant(check.at)}.`,
    };
  return { ...base, verdict: 'pass', words: `${many(check.passed, 'contract test')} of ${backend} passed.` };
}

/** What one side has not been told yet is young, and nothing waits for an owner. */
export function outboxGate(owed: Readonly<Record<Side, Owed>>, limits: GateLimits): Gate {
  const { legacy, modern } = owed;
  const count = legacy.count + modern.count;
  const dead = legacy.dead + modern.dead;
  const oldest = Math.max(legacy.oldestMs, modern.oldestMs);
  const base = {
    name: 'outbox',
    threshold: `none older than ${many(limits.outboxAgeSeconds, 'second')}, none dead`,
    value: `${number(count)} owed, ${number(dead)} dead, the oldest ${number(oldest / 1000)} s`,
    evidence: `owed to legacy ${number(legacy.count)}, to modern ${number(modern.count)}`,
    figures: { owed: count, dead, oldestMs: oldest },
  } as const;
  if (dead > 0)
    return {
      ...base,
      verdict: 'fail',
      words: `${many(dead, 'write')} could not be delivered; an owner has to decide.`,
    };
  if (oldest > limits.outboxAgeSeconds * 1000)
    return {
      ...base,
      verdict: 'fail',
      words: `${many(count, 'write')} not delivered yet, the oldest for ${roughly(oldest).replace('about ', '')}.`,
    };
  const words = count === 0 ? 'Every write has been delivered.' : `${many(count, 'young write')} on the way.`;
  return { ...base, verdict: 'pass', words };
}

/**
 * Both sides were found to hold the same, lately, and nothing was written that neither copies nor the reconciler know
 * of.
 */
export function driftGate(
  drift: DriftSummary | undefined,
  limits: GateLimits,
  now: number,
  uncopied?: Uncopied,
): Gate {
  const base = {
    name: 'drift',
    threshold: `no difference, checked within ${many(limits.driftHours, 'hour')}`,
    value: drift ? many(drift.differences, 'difference') : 'not checked',
    evidence: drift ? `${many(drift.checked, 'resource')} checked ${instant(drift.at)}` : 'no drift report',
    figures: drift ? { checked: drift.checked, differences: drift.differences } : {},
  } as const;
  if (uncopied)
    return {
      ...base,
      verdict: 'fail',
      words: `Writes were accepted by legacy between ${instant(uncopied.from)} and ${instant(uncopied.to)} while nothing was copied; back-fill first (\`ficus migrate backfill\`).`,
    };
  if (!drift)
    return {
      ...base,
      verdict: 'insufficient',
      words: 'The reconciler has not compared the two sides (`ficus migrate reconcile`).',
    };
  if (drift.differences > 0)
    return {
      ...base,
      verdict: 'fail',
      words: `${many(drift.differences, 'resource')} of ${number(drift.checked)} not the same on both sides.`,
    };
  if (drift.checked === 0)
    return {
      ...base,
      verdict: 'insufficient',
      words:
        'The reconciler found nothing to compare: no write has reached both sides yet, and nothing was filled (`ficus migrate backfill`).',
    };
  if (now - drift.at > limits.driftHours * 3_600_000)
    return { ...base, verdict: 'stale', words: `The two sides were last compared ${instant(drift.at)}.` };
  return { ...base, verdict: 'pass', words: `${many(drift.checked, 'resource')} the same on both sides.` };
}
