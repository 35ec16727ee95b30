import { describe, expect, it, onTestFinished } from 'vitest';
import type { AnswerStore, PromisedAnswer } from '../../../../../src/answer-ports.ts';
import { systemClock } from '../../../../../src/clock.ts';
import { FicusError } from '../../../../../src/errors.ts';
import { createAnswers } from '../../../../../src/events/feed/answers/answers.ts';
import type { Answers, AnswersOptions } from '../../../../../src/events/feed/answers/answers.ts';
import type { InboxLedger, MessageOutcome, MessageRecord } from '../../../../../src/feed-ports.ts';
import { createLogger } from '../../../../../src/log.ts';
import { openAnswerStore } from '../../../../../src/store/answers.ts';
import { createMemoryInbox } from '../../../../../src/store/memory-inbox.ts';
import { until } from '../copy/support.ts';

const log = createLogger({ level: 'silent' });

/** Of these tests: a message asks for an answer when its bytes say so. */
function promised(bytes: Uint8Array, { seq, state }: MessageRecord): PromisedAnswer | undefined {
  if (Buffer.from(bytes).toString() !== 'tell me') return undefined;
  return {
    seq,
    code: state === 'parked' ? 'AE' : 'AA',
    payload: Buffer.from(`${seq} ${state}`),
    since: Date.now(),
  };
}

/** An inbox of one interface, and what its senders are owed. */
function world() {
  const { intake, ledger } = createMemoryInbox({ owners: {} });
  const store = openAnswerStore(':memory:');
  let clock = systemClock.now() - 60_000;
  return {
    ledger,
    store,
    async arrive(id: string, text = 'tell me', at = (clock += 1)) {
      const bytes = Buffer.from(text);
      return intake.receive({ source: 'lab', sender: 'LAB|N', controlId: id, type: 'ADT^A01', at, bytes });
    },
    end(outcome: Partial<MessageOutcome> = {}) {
      const waiting = ledger.waiting(1_000);
      ledger.settle(
        waiting.map(({ record }) => ({ seq: record.seq, state: 'processed', ...outcome })),
        0,
      );
    },
  };
}

/** Somebody who takes answers, or not. */
function receiver(answer: (payload: string, nth: number) => string | Error = () => 'CA') {
  const came: string[] = [];
  const send = async (payload: Uint8Array): Promise<string> => {
    const text = Buffer.from(payload).toString();
    const said = answer(text, came.push(text));
    if (said instanceof Error) throw said;
    return said;
  };
  return { came, send };
}

const away = (): Error => new FicusError('unavailable', 'There is nobody.');

function follow(
  { ledger, store }: { ledger: InboxLedger; store: AnswerStore },
  send?: (payload: Uint8Array) => Promise<string>,
  more: Partial<NonNullable<AnswersOptions['reply']>> = {},
): Answers {
  const reply = send && {
    send,
    owner: 'integration',
    attempts: 3,
    firstRetryMs: 1,
    maxRetryMs: 2,
    giveUpMs: 3_600_000,
    ...more,
  };
  const answers = createAnswers({
    source: 'lab',
    ledger,
    store,
    promised,
    ...(reply ? { reply } : {}),
    clock: systemClock,
    log,
  });
  onTestFinished(() => answers.stop());
  return answers;
}

describe('with a reply address', () => {
  it('tells those who asked, in the order of receipt, once their messages have ended', async () => {
    const one = world();
    const { came, send } = receiver();
    const answers = follow(one, send);
    await one.arrive('M1');
    await one.arrive('M2', 'nothing');
    answers.wake();
    await until(() => one.store.cursor('lab') === 0);
    one.end();
    await one.arrive('M3');
    one.end({ state: 'parked', reason: 'failed' });
    answers.wake();
    await until(() => came.length === 2);
    expect(came).toEqual(['1 processed', '3 parked']);
    await until(() => one.store.counts()[0]?.told === 2);
    expect(one.store.list({ limit: 10 })).toEqual([]);
  });

  it('tells after a restart what was promised before it, and nothing that was taken', async () => {
    const one = world();
    const first = receiver((_, nth) => (nth > 1 ? away() : 'CA'));
    const before = follow(one, first.send);
    for (const id of ['M1', 'M2', 'M3']) await one.arrive(id);
    one.end();
    await one.arrive('M4');
    before.wake();
    await until(() => first.came.length >= 2);
    await before.stop();
    one.end();
    const second = receiver();
    follow(one, second.send).wake();
    await until(() => second.came.length === 3);
    expect(second.came).toEqual(['2 processed', '3 processed', '4 processed']);
  });

  it('waits while nobody is there, and says so', async () => {
    const one = world();
    let there = false;
    const { came, send } = receiver(() => (there ? 'CA' : away()));
    const answers = follow(one, send);
    await one.arrive('M1');
    one.end();
    answers.wake();
    await until(() => came.length > 5);
    expect(answers.trouble?.words).toBe('There is nobody.');
    expect(one.store.list({ limit: 10 })).toMatchObject([{ state: 'owed', attempts: 0 }]);
    there = true;
    await until(() => one.store.counts()[0]?.told === 1);
    await until(() => answers.trouble === undefined);
  });

  it.each([
    ['refused', (): string => 'CE', 'it was refused with CE', 0],
    ['never acknowledged', (): Error => new FicusError('outcome-unknown', 'No answer.'), 'No answer.', 3],
  ] as const)(
    'gives one that is %s to its owner, and goes on with the next',
    async (_, answer, reason, attempts) => {
      const one = world();
      const { came, send } = receiver((text) => (text.startsWith('1') ? answer() : 'CA'));
      const answers = follow(one, send);
      await one.arrive('M1');
      await one.arrive('M2');
      one.end();
      answers.wake();
      await until(() => one.store.counts()[0]?.told === 1);
      expect(came.at(-1)).toBe('2 processed');
      expect(one.store.list({ limit: 10 })).toMatchObject([
        { seq: 1, state: 'dead', reason, owner: 'integration', attempts },
      ]);
    },
  );

  it('gives up what could not be delivered in time', async () => {
    const one = world();
    const { send } = receiver(away);
    const answers = follow(one, send, { giveUpMs: 5 });
    await one.arrive('M1');
    one.end();
    answers.wake();
    await until(() => one.store.counts()[0]?.dead === 1);
    expect(one.store.list({ limit: 1 })[0]).toMatchObject({ reason: 'it could not be delivered in time' });
  });

  it('tells a sender again that sends its message again', async () => {
    const one = world();
    const { came, send } = receiver();
    const answers = follow(one, send);
    await one.arrive('M1');
    one.end();
    answers.wake();
    await until(() => one.store.counts()[0]?.told === 1);
    await one.arrive('M1');
    one.store.askAgain('lab', 1);
    answers.wake();
    await until(() => one.store.counts()[0]?.told === 2);
    expect(came).toEqual(['1 processed', '1 processed']);
    expect(one.store.askedAgain('lab', 1)).toEqual([]);
  });

  it('looks at nothing that came before anybody followed, and goes on when the inbox was made anew', async () => {
    const old = world();
    await old.arrive('M1');
    await old.arrive('M2');
    old.end();
    follow(old, receiver().send);
    expect(old.store.cursor('lab')).toBe(2);
    const anew = { ...world(), store: old.store };
    const { came, send } = receiver();
    const answers = follow(anew, send);
    await anew.arrive('M1');
    anew.end();
    answers.wake();
    await until(() => came.length === 1);
  });
});

describe('without a reply address', () => {
  it('counts as lost what a former process had promised and not told, once it has ended', async () => {
    const one = world();
    follow(one);
    await one.arrive('M1');
    await one.arrive('M2', 'nothing');
    one.end();
    await one.arrive('M3');
    const answers = follow(one);
    // Of this process: whoever holds its connection answers.
    await one.arrive('M4', 'tell me', Date.now() + 1_000);
    answers.wake();
    await until(() => one.store.counts()[0]?.lost === 1);
    one.end();
    answers.wake();
    await until(() => one.store.counts()[0]?.lost === 2);
    expect(one.store.list({ limit: 10 })).toMatchObject([
      { seq: 1, state: 'lost', reason: 'the connection that the message came on is gone' },
      { seq: 3, state: 'lost' },
    ]);
    expect(one.store.cursor('lab')).toBe(3);
  });

  it('looks at all of them, however many, and again when connections of its own are gone', async () => {
    const one = world();
    const answers = follow(one);
    for (let nth = 0; nth < 120; nth++) await one.arrive(`M${nth}`);
    one.end();
    answers.wake();
    await until(() => one.store.counts()[0]?.lost === 120);
    await one.arrive('M120', 'tell me', Date.now());
    one.end();
    await until(() => Date.now() > one.ledger.find(121)!.record.receivedAt);
    answers.wake();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(one.store.counts()[0]?.lost).toBe(120);
    answers.abandoned();
    await until(() => one.store.counts()[0]?.lost === 121);
  });
});
