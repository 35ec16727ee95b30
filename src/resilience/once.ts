import { FicusError } from '../errors.ts';
import type {
  Clock,
  FhirRequest,
  FhirResponse,
  IdempotencyStore,
  RequestContext,
  WriteRecord,
} from '../ports.ts';
import { noAnswer, orAborted, unasked } from './interaction.ts';
import {
  encodeAnswer,
  encodeError,
  endingOf,
  endingOfAnswer,
  replay,
  stillUnknown,
  withoutStream,
} from './outcome.ts';

export interface OnceOptions {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  /** How long an outcome is kept. */
  readonly ttlMs: number;
}

/** A write that is done at most once for its key. */
interface Attempt {
  readonly key: string;
  /** Digest of the content; the same key with another is refused. */
  readonly fingerprint: string;
  readonly request: FhirRequest;
  readonly context: RequestContext;
  /** Whether a refusal is an outcome to repeat, too (`all`), or leaves the key free (`success`). */
  readonly remember: 'all' | 'success';
  /** Does the write. Its context outlives the client: it is aborted by the deadline only, since others may wait for the outcome. */
  readonly execute: (context: RequestContext) => Promise<FhirResponse>;
  /**
   * Asked when an earlier attempt has no known outcome: the answer when it turned out done, `execute` when it is safe to do it (again),
   * undefined when it cannot be told.
   */
  readonly verify?: (context: RequestContext) => Promise<FhirResponse | 'execute' | undefined>;
}

export interface Once {
  /**
   * Executes, or waits for whoever does, or gives the stored outcome (`repeated`).
   * @throws FicusError `unprocessable`: the key belongs to other content; `conflict`: another process is at it; `outcome-unknown`.
   */
  run(attempt: Attempt): Promise<{ readonly response: FhirResponse; readonly repeated: boolean }>;
}

/** After the deadline, the Layers below may take this long to say how it ended. */
const GRACE_MS = 2_000;

export function createOnce({ store, clock, ttlMs }: OnceOptions): Once {
  /** What this process is executing. */
  const running = new Map<string, { readonly fingerprint: string; readonly answer: Promise<FhirResponse> }>();

  async function run(attempt: Attempt): Promise<{ response: FhirResponse; repeated: boolean }> {
    const { key, fingerprint, request, context } = attempt;
    const other = running.get(key);
    if (other) {
      refuseOtherContent(fingerprint, other.fingerprint);
      const response = await orAborted(other.answer, context.signal, () => noAnswer(request));
      return { response: withoutStream(response), repeated: true };
    }
    let repeated = false;
    const answer = claimAndExecute(attempt, () => (repeated = true)).finally(() => running.delete(key));
    running.set(key, { fingerprint, answer });
    // Whoever waits hears of a failure below; when all have left it is in the store.
    answer.catch(() => {});
    // No leaving early: the Layers below know best whether anything was sent, and end soon after the deadline.
    return { response: await answer, repeated };
  }

  async function claimAndExecute(attempt: Attempt, onRepeat: () => void): Promise<FhirResponse> {
    const { key, fingerprint, context } = attempt;
    const claim: WriteRecord = {
      fingerprint,
      state: 'running',
      runningUntil: context.deadline + GRACE_MS,
      expiresAt: context.deadline + GRACE_MS + ttlMs,
    };
    const existing = await store.claim(key, claim, clock.now()).catch((error: unknown) => {
      context.log.error('the idempotency store failed', { error });
      throw unasked('unavailable', 'The write cannot be recorded, so it was not sent.', 5);
    });
    if (!existing) return execute(attempt, claim);
    refuseOtherContent(fingerprint, existing.fingerprint);
    if (existing.state === 'done' && existing.outcome !== undefined) {
      onRepeat();
      return replay(existing.outcome);
    }
    if (existing.state === 'running' && clock.now() < existing.runningUntil) {
      throw new FicusError('conflict', 'The first request with this key is still being processed.', {
        retryAfter: 1,
      });
    }
    return verify(attempt, claim);
  }

  /** Nobody lived to tell, or nobody knew. */
  async function verify(attempt: Attempt, claim: WriteRecord): Promise<FhirResponse> {
    const { key, context } = attempt;
    const verdict = await attempt.verify?.(context);
    if (verdict === undefined) throw stillUnknown();
    if (verdict === 'execute') {
      await store.settle(key, claim);
      return execute(attempt, claim);
    }
    await settle(attempt, { ...claim, state: 'done', outcome: encodeAnswer(verdict) });
    return verdict;
  }

  async function execute(attempt: Attempt, claim: WriteRecord): Promise<FhirResponse> {
    const { context, request } = attempt;
    const detached = new AbortController();
    const silence = new AbortController();
    let cancel = clock.after(Math.max(0, context.deadline - clock.now()), () => {
      detached.abort();
      cancel = clock.after(GRACE_MS, () => silence.abort());
    });
    try {
      const answer = attempt.execute({ ...context, signal: detached.signal });
      const response = await orAborted(answer, silence.signal, () => noAnswer(request));
      await settle(attempt, afterAnswer(claim, response));
      return response;
    } catch (error) {
      await settle(attempt, afterFailure(attempt, claim, error));
      throw error;
    } finally {
      cancel();
    }
  }

  /** The outcome stands whether or not it could be written down; a record left `running` is read as unknown later. */
  async function settle({ key, context }: Attempt, record: WriteRecord | undefined): Promise<void> {
    try {
      await (record ? store.settle(key, record) : store.release(key));
    } catch (error) {
      context.log.error('the outcome of a write was not recorded', { error });
    }
  }

  return { run };
}

function afterAnswer(claim: WriteRecord, response: FhirResponse): WriteRecord | undefined {
  const ending = endingOfAnswer(response);
  if (ending === 'unknown') return { ...claim, state: 'unknown' };
  return ending === 'known' ? { ...claim, state: 'done', outcome: encodeAnswer(response) } : undefined;
}

/** The record to keep; undefined: none, the key is free again. */
function afterFailure(attempt: Attempt, claim: WriteRecord, error: unknown): WriteRecord | undefined {
  const ending = endingOf(error);
  if (ending === 'unknown') return { ...claim, state: 'unknown' };
  if (ending === 'not-done' || attempt.remember === 'success' || !(error instanceof FicusError))
    return undefined;
  return { ...claim, state: 'done', outcome: encodeError(error) };
}

function refuseOtherContent(fingerprint: string, existing: string): void {
  if (fingerprint !== existing) {
    throw new FicusError('unprocessable', 'This Idempotency-Key was used for a request with other content.', {
      expression: ['Idempotency-Key'],
    });
  }
}
