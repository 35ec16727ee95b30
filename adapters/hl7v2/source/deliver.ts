import { FicusError } from '../../../src/errors.ts';
import type { RequestContext, WriteAttempt } from '../../../src/ports.ts';
import type { Message } from '../message.ts';
import type { Core } from './core.ts';
import type { Outgoing } from './line.ts';

/** How a write ended well: acknowledged, or found when it was asked after. */
export type Delivered<T> =
  | { readonly how: 'acknowledged'; readonly reply: Message }
  | { readonly how: 'found'; readonly found: T };

/** Asks whether a write was applied: what it made, or undefined when it was not. Epoch milliseconds. */
export type AskAfter<T> = (deadline: number) => Promise<T | undefined>;

/** Of the time left: what one step may take, so that another can follow. */
const SHARE = 0.5;
/** A step with less than this left, in milliseconds, is not begun. */
const LEAST_MS = 30;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Sends a write so that it is applied once and its outcome known. An acknowledgement that does not come leaves it
 * unknown: it is asked after, and only when it is certainly not there it is sent again, once, the same bytes with the
 * same MSH-10. What is still unknown when time is up is `outcome-unknown`.
 *
 * @param askAfter absent: there is no way to ask.
 * @param doubtful it may have been sent before: it is asked after first, and with `ask-only` never sent.
 * @throws {FicusError} a refusal as the error table has it; `unavailable` or `timeout` when it was certainly not sent;
 * `not-found` when it was only to be asked after and is not there.
 */
export async function deliver<T>(
  outgoing: Outgoing,
  askAfter: AskAfter<T> | undefined,
  core: Core,
  context: RequestContext,
  doubtful: WriteAttempt['doubtful'],
): Promise<Delivered<T>> {
  const first = doubtful
    ? ({ kind: 'unknown', error: inDoubt() } as const)
    : await attempt(outgoing, core, context, askAfter !== undefined);
  if (first.kind === 'acknowledged') return { how: 'acknowledged', reply: first.reply };
  if (!askAfter) throw unknownOutcome(first.error);
  let sentAgain = false;
  let { error } = first;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    const asked = await ask(askAfter, core, context);
    if (asked.kind === 'found') return { how: 'found', found: asked.found };
    if (asked.kind === 'absent' && doubtful === 'ask-only') throw notThere();
    if (asked.kind === 'absent' && !sentAgain && timeLeft(core, context) > LEAST_MS) {
      sentAgain = true;
      context.log.warn('unacknowledged write is sent again', { controlId: outgoing.controlId, attempt: 2 });
      const again = await attempt(outgoing, core, context, true).catch((refusal: unknown) => {
        // The first copy was applied after all, between the question and the second copy.
        if (refusal instanceof FicusError && refusal.code === 'duplicate') return undefined;
        throw refusal;
      });
      if (again?.kind === 'acknowledged') return { how: 'acknowledged', reply: again.reply };
      if (again) error = again.error;
    }
    if (context.signal.aborted || timeLeft(core, context) <= pause + LEAST_MS) throw unknownOutcome(error);
    await wait(pause, core, context);
  }
}

type Attempt =
  | { readonly kind: 'acknowledged'; readonly reply: Message }
  | { readonly kind: 'unknown'; readonly error: FicusError };

/** @throws {FicusError} when the outcome is known to be bad, or nothing was sent. */
async function attempt(
  outgoing: Outgoing,
  core: Core,
  context: RequestContext,
  another: boolean,
): Promise<Attempt> {
  const now = core.clock.now();
  const deadline = another ? now + timeLeft(core, context) * SHARE : context.deadline;
  try {
    return {
      kind: 'acknowledged',
      reply: (await core.line.send({ ...outgoing, deadline }, context)).message,
    };
  } catch (error) {
    if (!(error instanceof FicusError)) throw error;
    if (error.code === 'outcome-unknown' || error.code === 'legacy-malformed')
      return { kind: 'unknown', error };
    // It waited for its turn and was not sent: all the time that is left may go into one more wait.
    if (error.code === 'timeout' && another && timeLeft(core, context) > LEAST_MS && !context.signal.aborted)
      return attempt(outgoing, core, context, false);
    throw error;
  }
}

type Asked<T> =
  | { readonly kind: 'found'; readonly found: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unclear' };

async function ask<T>(askAfter: AskAfter<T>, core: Core, context: RequestContext): Promise<Asked<T>> {
  const left = timeLeft(core, context);
  if (left <= LEAST_MS || context.signal.aborted) return { kind: 'unclear' };
  try {
    const found = await askAfter(core.clock.now() + left * SHARE);
    return found === undefined ? { kind: 'absent' } : { kind: 'found', found };
  } catch (error) {
    context.log.warn('asking after a write failed', { error });
    return { kind: 'unclear' };
  }
}

function timeLeft(core: Core, context: RequestContext): number {
  return context.deadline - core.clock.now();
}

/** What is said of a write that was only to be asked after. */
function notThere(): FicusError {
  return new FicusError(
    'not-found',
    'The legacy system does not have what the earlier attempt would have made.',
  );
}

/** Why a write that may have been sent before is unknown until it is found, or known not to be there. */
export function inDoubt(cause?: unknown): FicusError {
  return new FicusError(
    'outcome-unknown',
    'An earlier attempt of this write was not acknowledged, and the legacy system could not say whether it was applied.',
    { cause },
  );
}

function unknownOutcome(error: FicusError): FicusError {
  if (error.code === 'outcome-unknown') return error;
  return new FicusError(
    'outcome-unknown',
    'The legacy system did not acknowledge the message: it may or may not have been applied.',
    { cause: error },
  );
}

/** Waits `ms`, or until the signal aborts. */
function wait(ms: number, { clock }: Core, { signal }: RequestContext): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
