import type { Signal } from '../../src/cancellation.ts';
import { FicusError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { Clock, RequestContext, WriteAttempt } from '../../src/ports.ts';
import type { Outcome } from './exchange.ts';
import type { XmlElement } from './xml-element.ts';

/** A write and the question whether it was done. */
export interface Delivery {
  /** Sends it; `deadline` in epoch milliseconds. */
  readonly send: (deadline: number) => Promise<Outcome>;
  /** Asks after it: the answer that holds what it made, or undefined while it is not there. */
  readonly askAfter: (deadline: number) => Promise<XmlElement | undefined>;
  /** Refusals of a second copy which say that the first may have been applied after all. */
  readonly late: readonly ErrorCode[];
  /** It may have been sent before: it is asked after first, and with `ask-only` never sent. */
  readonly doubtful: WriteAttempt['doubtful'];
}

/** Of the time left: what one step may take, so that another can follow. */
const SHARE = 0.6;
/** A step with less than this left, in milliseconds, is not begun. */
const LEAST_MS = 30;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Sends a write so that it is applied once and its outcome known. One without an acknowledgement is asked after, and
 * only when it is not there it is sent again, once; the service tells the two apart (a number of ours, a row version),
 * so that a first copy that was merely slow makes the second one fail.
 *
 * @returns the body of the answer that holds the record
 * @throws FicusError a refusal; `unavailable` or `timeout` when it was certainly not sent; `outcome-unknown` when time
 *   is up; `not-found` when it was only to be asked after and is not there
 */
export async function deliver(
  delivery: Delivery,
  clock: Clock,
  context: RequestContext,
): Promise<XmlElement> {
  const timeLeft = (): number => context.deadline - clock.now();
  const share = (): number => clock.now() + timeLeft() * SHARE;
  let unknown = delivery.doubtful ? outcomeUnknown(undefined) : undefined;
  let refusal: FicusError | undefined;

  const attempt = async (): Promise<XmlElement | undefined> => {
    const first = unknown === undefined;
    try {
      const outcome = await delivery.send(share());
      if (outcome.kind === 'done') return outcome.body;
      if (outcome.kind === 'refused') throw outcome.error;
      throw new FicusError('legacy-malformed', 'The legacy service answered a write with nothing.');
    } catch (error) {
      if (!(error instanceof FicusError)) throw error;
      if (isDoubtful(error)) unknown = error;
      else if (!first && delivery.late.includes(error.code)) refusal = error;
      // It waited for a connection for its share of the time: it may wait for the rest.
      else if (error.code === 'timeout' && !context.signal.aborted && timeLeft() > LEAST_MS) return attempt();
      else throw error;
      return undefined;
    }
  };

  const done = delivery.doubtful ? undefined : await attempt();
  if (done) return done;
  let isSentAgain = false;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    const asked = await ask();
    if (asked.kind === 'found') return asked.body;
    if (asked.kind === 'absent' && refusal) throw refusal;
    if (asked.kind === 'absent' && delivery.doubtful === 'ask-only') throw notThere();
    if (asked.kind === 'absent' && !isSentAgain && timeLeft() > LEAST_MS) {
      isSentAgain = true;
      context.log.warn('unacknowledged write is sent again', { attempt: 2 });
      const again = await attempt();
      if (again) return again;
    }
    if (context.signal.aborted || timeLeft() <= pause + LEAST_MS) throw outcomeUnknown(unknown);
    await wait(pause, clock, context.signal);
  }

  async function ask(): Promise<
    { readonly kind: 'found'; readonly body: XmlElement } | { readonly kind: 'absent' | 'unclear' }
  > {
    if (timeLeft() <= LEAST_MS || context.signal.aborted) return { kind: 'unclear' };
    try {
      const body = await delivery.askAfter(share());
      return body ? { kind: 'found', body } : { kind: 'absent' };
    } catch (error) {
      context.log.warn('asking after a write failed', { error });
      return { kind: 'unclear' };
    }
  }
}

/** Whether the write may have been applied: it was sent and not acknowledged, or the answer says nothing about it. */
function isDoubtful({ code, issues }: FicusError): boolean {
  return (
    code === 'outcome-unknown' ||
    issues.some((issue) => issue.severity === 'warning' && issue.code === 'incomplete')
  );
}

/** What is said of a write that was only to be asked after. */
function notThere(): FicusError {
  return new FicusError(
    'not-found',
    'The legacy service does not have what the earlier attempt would have made.',
  );
}

/** What is said when time is up, or the service may not be sent it again. */
export function outcomeUnknown(error: FicusError | undefined): FicusError {
  if (error?.code === 'outcome-unknown') return error;
  const text = 'The legacy service did not acknowledge the write: whether it took effect is unknown.';
  return new FicusError('outcome-unknown', text, { cause: error });
}

/** Waits `ms`, or until the signal aborts. */
function wait(ms: number, clock: Clock, signal: Signal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
