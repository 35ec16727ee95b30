import { FicusError } from '../errors.ts';
import type {
  Clock,
  FhirRequest,
  FhirResponse,
  IdempotencyStore,
  RequestContext,
  WriteAttempt,
  WriteRecord,
} from '../ports.ts';
import { again, hold } from './held.ts';
import type { Held } from './held.ts';
import { noAnswer, orAborted, unasked, wasBeforeWrite } from './interaction.ts';
import { encodeAnswer, encodeError, endingOf, endingOfAnswer, replay, stillUnknown } from './outcome.ts';

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
  /** What a first attempt is recorded as, before it leaves. */
  readonly first: WriteAttempt | undefined;
  /** Whether a record without a known outcome is that of this write: it is then executed as doubtful. */
  readonly isSame: (record: WriteRecord) => boolean;
  /**
   * Does the write. Its context outlives the client: it is aborted by the deadline only, since others may wait for the
   * outcome.
   */
  readonly execute: (context: RequestContext, attempt: WriteAttempt | undefined) => Promise<FhirResponse>;
}

export interface Once {
  /**
   * Executes, or waits for whoever does, or gives the stored outcome (`repeated`).
   * @throws FicusError `unprocessable`: the key belongs to other content; `conflict`: another process is at it;
   *   `outcome-unknown`.
   */
  run(attempt: Attempt): Promise<{ readonly response: FhirResponse; readonly repeated: boolean }>;
}

/** After the deadline, the Layers below may take this long to say how it ended. */
const GRACE_MS = 2_000;
/** Of a streamed answer to a write so much is kept for repeats; of a larger one status and headers. */
const KEPT_BYTES = 1024 * 1024;

export function createOnce({ store, clock, ttlMs }: OnceOptions): Once {
  /** What this process is executing. */
  const running = new Map<string, { readonly fingerprint: string; readonly answer: Promise<Held> }>();

  async function run(attempt: Attempt): Promise<{ response: FhirResponse; repeated: boolean }> {
    const { key, fingerprint, request, context } = attempt;
    const other = running.get(key);
    if (other) {
      refuseOtherContent(fingerprint, other.fingerprint);
      const held = await orAborted(other.answer, context.signal, () => noAnswer(request));
      return { response: again(held), repeated: true };
    }
    let repeated = false;
    const answer = claimAndExecute(attempt, () => (repeated = true)).finally(() => running.delete(key));
    running.set(key, { fingerprint, answer });
    // Whoever waits hears of a failure below; when all have left it is in the store.
    answer.catch(() => {});
    // No leaving early: the Layers below know best whether anything was sent, and end soon after the deadline.
    const { response } = await answer;
    return { response, repeated };
  }

  async function claimAndExecute(attempt: Attempt, onRepeat: () => void): Promise<Held> {
    const { key, fingerprint, context, first } = attempt;
    const claim: WriteRecord = {
      fingerprint,
      state: 'running',
      ...(first ? { writeId: first.writeId } : {}),
      ...(first?.backend === undefined ? {} : { backend: first.backend }),
      runningUntil: context.deadline + GRACE_MS,
      expiresAt: context.deadline + GRACE_MS + ttlMs,
    };
    const existing = await recorded(store.claim(key, claim, clock.now()), context);
    if (!existing) return execute(attempt, claim, first);
    refuseOtherContent(fingerprint, existing.fingerprint);
    if (existing.state === 'done' && existing.outcome !== undefined) {
      onRepeat();
      return hold(replay(existing.outcome), KEPT_BYTES);
    }
    if (existing.state === 'running' && clock.now() < existing.runningUntil) throw atWork();
    return executeAgain(attempt, existing, claim);
  }

  /** Nobody lived to tell, or nobody knew: whoever does the write asks first. */
  async function executeAgain(
    attempt: Attempt,
    existing: WriteRecord,
    { runningUntil, expiresAt }: WriteRecord,
  ): Promise<Held> {
    const { key, context } = attempt;
    const { fingerprint, writeId, backend } = existing;
    if (writeId === undefined || !attempt.isSame(existing)) throw stillUnknown();
    const known = { writeId, ...(backend === undefined ? {} : { backend }) };
    const claim: WriteRecord = { fingerprint, ...known, state: 'running', runningUntil, expiresAt };
    if (!(await recorded(store.takeOver(key, existing, claim), context))) throw atWork();
    return execute(attempt, claim, { ...known, doubtful: 'ask-then-send' });
  }

  /** Nothing is sent before it is written down that it may be. */
  function recorded<T>(work: Promise<T>, context: RequestContext): Promise<T> {
    return work.catch((error: unknown) => {
      context.log.error('the idempotency store failed', { error });
      throw unasked('unavailable', 'The write cannot be recorded, so it was not sent.', 5);
    });
  }

  async function execute(
    attempt: Attempt,
    claim: WriteRecord,
    write: WriteAttempt | undefined,
  ): Promise<Held> {
    const { context, request } = attempt;
    const doubtful = write?.doubtful !== undefined;
    const detached = new AbortController();
    const silence = new AbortController();
    let cancel = clock.after(Math.max(0, context.deadline - clock.now()), () => {
      detached.abort();
      cancel = clock.after(GRACE_MS, () => silence.abort());
    });
    try {
      const answer = attempt
        .execute({ ...context, signal: detached.signal }, write)
        .then((response) => hold(response, KEPT_BYTES));
      const held = await orAborted(answer, silence.signal, () => noAnswer(request));
      await settle(attempt, afterAnswer(claim, held, doubtful));
      return held;
    } catch (error) {
      const record = afterFailure(attempt, claim, error, doubtful);
      await settle(attempt, record);
      throw doubtful && record?.state === 'unknown' ? stillUnknown(error) : error;
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

/** @param doubtful what did not reach the backend, or not this time, says nothing of the earlier attempt */
function afterAnswer(claim: WriteRecord, held: Held, doubtful: boolean): WriteRecord | undefined {
  const ending = endingOfAnswer(held.response);
  if (ending === 'unknown' || (doubtful && ending === 'not-done')) return { ...claim, state: 'unknown' };
  return ending === 'known' ? { ...claim, state: 'done', outcome: encodeAnswer(held) } : undefined;
}

/** The record to keep; undefined: none, the key is free again. */
function afterFailure(
  attempt: Attempt,
  claim: WriteRecord,
  error: unknown,
  doubtful: boolean,
): WriteRecord | undefined {
  const ending = endingOf(error);
  const saysNothing = ending === 'not-done' || (error instanceof FicusError && wasBeforeWrite(error));
  if (ending === 'unknown' || (doubtful && saysNothing)) return { ...claim, state: 'unknown' };
  if (ending === 'not-done' || attempt.remember === 'success' || !(error instanceof FicusError))
    return undefined;
  return { ...claim, state: 'done', outcome: encodeError(error) };
}

function atWork(): FicusError {
  return new FicusError('conflict', 'The first request with this key is still being processed.', {
    retryAfter: 1,
  });
}

function refuseOtherContent(fingerprint: string, existing: string): void {
  if (fingerprint !== existing) {
    throw new FicusError('unprocessable', 'This Idempotency-Key was used for a request with other content.', {
      expression: ['Idempotency-Key'],
    });
  }
}
