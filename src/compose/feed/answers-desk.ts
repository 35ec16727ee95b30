import type { AnswerRecord, AnswerState, DeadAnswers } from '../../answer-ports.ts';
import { FicusError } from '../../errors.ts';
import type { InboxLedger } from '../../feed-ports.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { Logger } from '../../ports.ts';
import type { FeedAnswers } from './answers.ts';
import { wholeNumber } from './following-desk.ts';

export interface AnswersDeskOptions {
  readonly feedOf: () => { readonly answers: FeedAnswers; readonly ledger: Pick<InboxLedger, 'find'> };
  readonly log: Logger;
}

/** Answers that are listed when nothing is said, and at most. */
const LISTED = 100;
const MOST = 1_000;
const STATES: readonly AnswerState[] = ['owed', 'dead', 'lost'];

/** Application acknowledgements that senders are owed: operations of contracts/admin-api.yaml by their ids. */
export function answerOperations({ feedOf, log }: AnswersDeskOptions): Record<string, OperationHandler> {
  const decide =
    (words: string, act: (answers: FeedAnswers, which: DeadAnswers) => number): OperationHandler =>
    ({ body }) => {
      const { by, reason, ...which } = body as unknown as Decision;
      const count = act(feedOf().answers, whichOf(which));
      if (count === 0) throw new FicusError('not-found', 'There is no such answer to decide about.');
      log.info(words, { by, reason, count });
      return { body: { answers: count } };
    };
  return {
    listAnswers: ({ query }) => {
      const { answers, ledger } = feedOf();
      const { state, source, after, limit } = query;
      const found = answers.list({
        ...(state === undefined ? {} : { states: statesOf(state) }),
        ...(source === undefined ? {} : { source }),
        ...(after === undefined ? {} : { after: wholeNumber('after', after) }),
        limit: limit === undefined ? LISTED : Math.min(MOST, wholeNumber('limit', limit)),
      });
      return { body: { answers: found.map((one) => viewOf(one, ledger)) } };
    },
    retryAnswers: decide('application acknowledgements are sent again', (answers, which) =>
      answers.retry(which),
    ),
    discardAnswers: decide('application acknowledgements are given up', (answers, which) =>
      answers.discard(which),
    ),
  };
}

/** What the status of the feed says of them. */
export function answerStatus(answers: FeedAnswers, now: number) {
  return answers.counts().map(({ source, oldest, ...counts }) => {
    const trouble = answers.trouble(source);
    return {
      interface: source,
      ...counts,
      ...(oldest === undefined ? {} : { oldestSeconds: Math.max(0, (now - oldest) / 1_000) }),
      ...(trouble ? { trouble: trouble.words } : {}),
    };
  });
}

interface Decision {
  readonly by: string;
  readonly reason: string;
  readonly seq?: number;
  readonly interface?: string;
}

function whichOf({ seq, interface: source }: Omit<Decision, 'by' | 'reason'>): DeadAnswers {
  if (seq !== undefined && source === undefined) return { seq };
  if (source !== undefined && seq === undefined) return { source };
  throw new FicusError('invalid', 'Say which answers: either the number of a message, or an interface.');
}

function statesOf(text: string): readonly AnswerState[] {
  const asked = text.split(',');
  const known = STATES.filter((state) => asked.includes(state));
  if (known.length < asked.length)
    throw new FicusError('invalid', `An answer is ${STATES.join(', ')}, or several of them.`);
  return known;
}

function viewOf({ source, since, ...rest }: AnswerRecord, ledger: Pick<InboxLedger, 'find'>) {
  const message = ledger.find(rest.seq)?.record;
  return {
    ...rest,
    interface: source,
    since: new Date(since).toISOString(),
    ...(message ? { sender: message.sender, controlId: message.controlId, type: message.type } : {}),
  };
}
