import { randomUUID } from 'node:crypto';
import { FicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { DifferenceRule, Severity } from '../../migration-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { RuleRecord, RuleStore } from './rule-store.ts';

/** A rule as somebody asks for it. */
export type RuleRequest = Omit<DifferenceRule, 'id' | 'createdAt'>;

export interface RuleBookOptions {
  readonly store: RuleStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who answers for an endpoint clinically. */
  readonly clinicalOwnerOf: (endpoint: Endpoint) => string | undefined;
  /** How grave a signature is, where it has been seen. */
  readonly severityOf: (endpoint: Endpoint, signature: string) => Severity | undefined;
  /** Longest life of a rule, in days; default 366. */
  readonly maxDays?: number;
}

/** The known differences: who accepted what, why, and until when. */
export interface RuleBook {
  /**
   * @throws FicusError with every problem at once: `value-required` (owner, by, reason, signature), `value-invalid` (a
   * verdict that is none; an expiry that is no instant, has passed or is too far away); `forbidden`: accepting a
   * critical difference is for the endpoint's clinical owner. A pattern, and a signature that nobody has seen yet, may
   * be critical and are treated as such.
   */
  add(request: RuleRequest): Promise<DifferenceRule>;
  /** @throws FicusError `value-required`, `not-found` */
  remove(id: string, removal: { readonly by: string; readonly reason: string }): Promise<void>;
  /** Rules that were not taken away, oldest first, expired ones included; of one endpoint or of all. */
  list(endpoint?: Endpoint): readonly DifferenceRule[];
  /** Rules that hold now. */
  forEndpoint(endpoint: Endpoint): readonly DifferenceRule[];
  /** Every rule there ever was. */
  history(): readonly RuleRecord[];
  /** Reads the store again: another process may have changed it. */
  refresh(): Promise<void>;
}

const VERDICTS: readonly string[] = ['acceptable', 'bug-in-modern', 'bug-in-legacy'];
const DAY_MS = 86_400_000;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Opens the book; rules are looked up from memory from then on. */
export async function createRuleBook(options: RuleBookOptions): Promise<RuleBook> {
  const { store, clock, log, clinicalOwnerOf, severityOf, maxDays = 366 } = options;
  let records: readonly RuleRecord[] = await store.load();

  const refresh = async (): Promise<void> => {
    records = await store.load();
  };
  const living = (endpoint?: Endpoint) =>
    records.filter((rule) => !rule.removed && (endpoint === undefined || rule.endpoint === endpoint));

  function refuseStranger({ endpoint, signature, verdict, by }: RuleRequest): void {
    // A bug stays counted as it is: whoever says so hides nothing.
    if (verdict !== 'acceptable') return;
    const severity = signature.includes('*') ? undefined : severityOf(endpoint, signature);
    if (severity !== undefined && severity !== 'critical') return;
    const clinical = clinicalOwnerOf(endpoint);
    if (clinical !== undefined && by === clinical) return;
    log.warn('a rule for a critical difference was refused', { endpoint, by });
    const what =
      severity === 'critical'
        ? 'This difference is critical'
        : 'A pattern, or a difference that the present run of evidence has not shown, may be critical';
    const who =
      clinical === undefined
        ? `${endpoint} has no clinical owner`
        : 'only the clinical owner of the endpoint may';
    throw new FicusError('forbidden', `${what}: to accept it, ${who}.`, { expression: ['by'] });
  }

  return {
    async add(request) {
      const { endpoint, signature, verdict, owner, by, reason, expiresAt } = request;
      refuseProblems(problemsOf(request, clock.now(), maxDays));
      refuseStranger(request);
      const rule: DifferenceRule = {
        id: randomUUID(),
        endpoint,
        signature,
        verdict,
        owner,
        by,
        reason,
        createdAt: new Date(clock.now()).toISOString(),
        expiresAt: new Date(expiresAt).toISOString(),
      };
      await store.add(rule);
      await refresh();
      log.info('a rule for a difference was added', { endpoint, by, reason, kind: verdict });
      return rule;
    },
    async remove(id, { by, reason }) {
      refuseProblems([...missing('by', by), ...missing('reason', reason)]);
      const at = new Date(clock.now()).toISOString();
      const removed = await store.remove(id, { by, at, reason });
      await refresh();
      if (!removed) throw new FicusError('not-found', 'There is no such rule, or it is taken away already.');
      const endpoint = records.find((rule) => rule.id === id)?.endpoint;
      log.info('a rule for a difference was taken away', { endpoint, by, reason });
    },
    list: living,
    forEndpoint: (endpoint) => living(endpoint).filter((rule) => Date.parse(rule.expiresAt) > clock.now()),
    history: () => records,
    refresh,
  };
}

interface Problem {
  readonly code: 'value-required' | 'value-invalid';
  readonly name: string;
  readonly text: string;
}

function missing(name: string, value: string): Problem[] {
  return value.trim() === '' ? [{ code: 'value-required', name, text: `A rule says its ${name}.` }] : [];
}

function problemsOf(request: RuleRequest, now: number, maxDays: number): Problem[] {
  const { signature, verdict, owner, by, reason, expiresAt } = request;
  const problems = [
    ...missing('signature', signature),
    ...missing('owner', owner),
    ...missing('by', by),
    ...missing('reason', reason),
  ];
  const say = (name: string, text: string) => problems.push({ code: 'value-invalid', name, text });
  if (signature.includes('*') && !/[A-Za-z]/.test(signature))
    say('signature', 'A pattern names at least a kind or a part of a path.');
  if (!VERDICTS.includes(verdict)) say('verdict', `A verdict is one of ${VERDICTS.join(', ')}.`);
  const at = INSTANT.test(expiresAt) ? Date.parse(expiresAt) : Number.NaN;
  if (Number.isNaN(at)) say('expiresAt', 'The expiry is an instant, as in 2026-06-01T00:00:00Z.');
  else if (at <= now) say('expiresAt', 'The expiry has passed already.');
  else if (at > now + maxDays * DAY_MS)
    say('expiresAt', `A rule lives for ${maxDays} days at most; it can be made again.`);
  return problems;
}

function refuseProblems(problems: readonly Problem[]): void {
  const [first] = problems;
  if (!first) return;
  throw new FicusError(first.code, problems.map(({ text }) => text).join(' '), {
    issues: problems.map(({ code, name, text }) => ({
      severity: 'error',
      code: code === 'value-required' ? 'required' : 'value',
      diagnostics: text,
      expression: [name],
    })),
  });
}
