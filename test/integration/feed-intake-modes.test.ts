import { describe, expect, it, onTestFinished } from 'vitest';
import { createSettlements } from '../../adapters/hl7v2/intake/settlements.ts';
import type { SettlementDesk } from '../../adapters/hl7v2/intake/settlements.ts';
import type { IntakeOptions } from '../../adapters/hl7v2/intake/intake.ts';
import type { InterfaceProfile } from '../../adapters/hl7v2/intake/profile.ts';
import { systemClock } from '../../src/clock.ts';
import { startAnswers } from '../../src/compose/feed/answers.ts';
import { feedConfig } from '../../src/config/feed-schema.ts';
import type { InboxLedger, MessageOutcome } from '../../src/feed-ports.ts';
import { createLogger } from '../../src/log.ts';
import { createMemoryInbox } from '../../src/store/memory-inbox.ts';
import { EVN, messageOf, types } from '../unit/adapters/hl7v2/intake/support.ts';
import type { Head } from '../unit/adapters/hl7v2/intake/support.ts';
import { connectSender, slowInbox, startFeed } from './feed-interface.ts';
import type { Feed } from './feed-interface.ts';
import { startCore, until, wait } from './mllp-core.ts';

interface Processed extends Feed {
  readonly desk: SettlementDesk;
  /** Ends all that waits. */
  process(outcome?: Partial<MessageOutcome>): void;
  readonly lost: string[];
}

/** A feed whose messages are processed when the test says so. */
async function startProcessed(
  profile: Partial<InterfaceProfile> = {},
  more: Partial<IntakeOptions> & { readonly ledger?: InboxLedger } = {},
): Promise<Processed> {
  const own = createMemoryInbox({ owners: { lab: 'integration team' } });
  const { inbox = own.intake, ledger = own.ledger, answers } = more;
  const desk = createSettlements((seq) => {
    const record = ledger.find(seq)?.record;
    return record && record.state !== 'waiting' ? ({ ...record, seq } as MessageOutcome) : undefined;
  });
  const lost: string[] = [];
  const noted = {
    askedAgain: () => {},
    lost: (_: string, { seq, code }: { seq: number; code: string }) => void lost.push(`${seq} ${code}`),
  };
  const feed = await startFeed(profile, {
    ...more,
    inbox,
    ledger,
    settlements: desk,
    answers: answers ?? noted,
  });
  const process = (outcome: Partial<MessageOutcome> = {}): void => {
    const ended = ledger
      .waiting(1_000)
      .map(({ record }): MessageOutcome => ({ seq: record.seq, state: 'processed', ...outcome }));
    ledger.settle(ended, 0);
    desk.settled(ended);
  };
  return { ...feed, desk, process, lost };
}

/** What sends application acknowledgements to a reply address. */
function answersOf(ledger: InboxLedger, replies: { readonly host: string; readonly port: number }) {
  const lab = { port: 0, owner: 'integration team', replies };
  const answers = startAnswers(feedConfig.parse({ interfaces: { lab } }), {
    file: ':memory:',
    ledger,
    types,
    certificates: { use: () => ({}) },
    delivery: { concurrency: 1, firstRetryMs: 5, maxRetryMs: 5, attempts: 20 },
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
  });
  onTestFinished(() => answers.stop());
  return answers;
}

const both: Head = { accept: 'AL', applicationAck: 'AL' };

describe('enhanced mode', () => {
  it('says that a message is safe at once, and how it fared when it has been processed', async () => {
    const feed = await startProcessed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf({ ...both, id: 'M1' }), messageOf({ ...both, id: 'M2' }));
    await sender.answered(2);
    await wait(20);
    expect(sender.answers).toEqual(['MSA|CA|M1', 'MSA|CA|M2']);
    feed.process();
    expect(await sender.answered(4)).toEqual(['MSA|CA|M1', 'MSA|CA|M2', 'MSA|AA|M1', 'MSA|AA|M2']);
    const [, , first] = sender.whole.map((answer) => answer.split('\r')[0]!.split('|'));
    expect(first![14]).toBe('NE');
    expect(first![15]).toBe('NE');
    // Every acknowledgement is a message of its own.
    expect(new Set(sender.whole.map((answer) => answer.split('|')[9])).size).toBe(4);
  });

  it.each([
    [{ state: 'superseded' }, 'MSA|AA|M1'],
    [{ state: 'parked', reason: 'unknown-authority', detail: 'PID-3' }, 'MSA|AE|M1 204'],
    [{ state: 'parked', reason: 'mapping-needed' }, 'MSA|AE|M1 103'],
    [{ state: 'parked', reason: 'failed', detail: 'Grüße' }, 'MSA|AE|M1 207'],
  ] as const)('tells the end %o as %s', async (outcome, answer) => {
    const feed = await startProcessed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf(both));
    await sender.answered(1);
    feed.process(outcome);
    expect(await sender.answered(2)).toEqual(['MSA|CA|M1', answer]);
  });

  it('tells the sender of a duplicate again, also when the first was processed long ago', async () => {
    const feed = await startProcessed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf(both));
    await sender.answered(1);
    feed.process({ state: 'parked', reason: 'failed' });
    await sender.answered(2);
    sender.send(messageOf(both));
    expect(await sender.answered(4)).toEqual(['MSA|CA|M1', 'MSA|AE|M1 207', 'MSA|CA|M1', 'MSA|AE|M1 207']);
  });

  it('never lets what comes of a message overtake that it is safe', async () => {
    const inbox = slowInbox();
    // Processing that has ended before anybody asks.
    const settlements = createSettlements((seq) => ({ seq, state: 'processed' }));
    const { port } = await startFeed({}, { inbox, settlements });
    const sender = await connectSender(port);
    sender.send(...['M1', 'M2', 'M3'].map((id) => messageOf({ ...both, id })));
    await until(() => inbox.pending.messages === 3);
    inbox.commit();
    const answers = await sender.answered(6);
    for (const id of ['M1', 'M2', 'M3'])
      expect(answers.indexOf(`MSA|CA|${id}`)).toBeLessThan(answers.indexOf(`MSA|AA|${id}`));
    expect(answers.filter((answer) => answer.startsWith('MSA|AA'))).toEqual(
      ['M1', 'M2', 'M3'].map((id) => `MSA|AA|${id}`),
    );
  });

  it('parks what is refused when its sender wants to hear nothing of it', async () => {
    const feed = await startProcessed();
    const sender = await connectSender(feed.port);
    const deaf: Head = { accept: 'NE', applicationAck: 'NE' };
    sender.send(messageOf({ ...deaf, id: 'M1' }, [EVN]), messageOf({ ...deaf, id: 'M2', type: 'XYZ' }));
    sender.send(messageOf({ ...deaf, id: 'M3' }), messageOf({ accept: 'ER', id: 'M4' }, [EVN]));
    expect(await sender.answered(1)).toEqual(['MSA|CE|M4 100']);
    expect(feed.states()).toEqual([
      'parked malformed M1',
      'parked not-supported M2',
      'waiting M3',
      'rejected malformed M4',
    ]);
  });

  it('counts an application acknowledgement whose sender has gone', async () => {
    const feed = await startProcessed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf(both));
    await sender.answered(1);
    sender.socket.destroy();
    await until(() => feed.intake.stats['lab']!.connections === 0);
    feed.process();
    expect(feed.lost).toEqual(['1 AA']);
  });

  it('sends application acknowledgements to a reply address, again until it has them, in order', async () => {
    const refused: string[] = [];
    const core = await startCore((message) => {
      // The first is lost with its connection.
      if (refused.push(message.controlId) === 1) message.socket.destroy();
      else message.ack('CA');
    });
    onTestFinished(() => core.close());
    const replies = { host: '127.0.0.1', port: core.port };
    const { ledger, intake: inbox } = createMemoryInbox({ owners: {} });
    const answers = answersOf(ledger, replies);
    const feed = await startProcessed({ replies }, { inbox, ledger, answers });
    const sender = await connectSender(feed.port);
    sender.send(messageOf({ ...both, id: 'M1' }), messageOf({ ...both, id: 'M2' }));
    await sender.answered(2);
    sender.socket.destroy();
    feed.process();
    answers.wake();
    await until(() => core.received.length === 3);
    expect(core.received.map(({ text }) => /MSA\|\w+\|\w+/.exec(text)![0])).toEqual([
      'MSA|AA|M1',
      'MSA|AA|M1',
      'MSA|AA|M2',
    ]);
    expect(core.received[0]!.controlId).toBe(core.received[1]!.controlId);
    expect(core.received[0]!.text.split('\r')[0]!.split('|').slice(14, 16)).toEqual(['AL', 'NE']);
    expect(sender.answers).toEqual(['MSA|CA|M1', 'MSA|CA|M2']);
    expect(feed.lost).toEqual([]);
    // The acknowledgement was lost, say: whoever sends a message again is told again.
    const again = await connectSender(feed.port);
    again.send(messageOf({ ...both, id: 'M1' }));
    await until(() => core.received.length === 4);
    expect(core.received[3]!.text).toContain('MSA|AA|M1');
    expect(again.answers).toEqual(['MSA|CA|M1']);
  });
});

describe('the sequence number protocol', () => {
  const numbered = (sequence: string, id: string): string => messageOf({ sequence, id });
  const link = (sequence: string): string => messageOf({ sequence, id: `L${sequence}` }, []);

  it('takes numbers one after another, says which it expects, and begins anew when asked to', async () => {
    const feed = await startFeed({ sequence: true });
    const sender = await connectSender(feed.port);
    const steps: readonly (readonly [string, string])[] = [
      [link('0'), 'MSA|AA|L0||-1'],
      [numbered('5', 'M5'), 'MSA|AA|M5||5'],
      [numbered('6', 'M6'), 'MSA|AA|M6||6'],
      // The acknowledgement was lost: the same again, and the sender goes on.
      [numbered('6', 'M6'), 'MSA|AA|M6||7'],
      [numbered('6', 'X6'), 'MSA|AE|X6||7 207'],
      [numbered('8', 'M8'), 'MSA|AE|M8||7 207'],
      [numbered('4', 'M4'), 'MSA|AE|M4||7 207'],
      [numbered('', 'M'), 'MSA|AE|M||7 101'],
      // Refused for its content: the number is still the one that is expected.
      [messageOf({ sequence: '7', id: 'N7' }, [EVN]), 'MSA|AE|N7||7 100'],
      [messageOf({ sequence: '-1', id: 'E1', type: 'XYZ' }), 'MSA|AR|E1||7 200'],
      [link('0'), 'MSA|AA|L0||7'],
      [numbered('7', 'M7'), 'MSA|AA|M7||7'],
      [link('-1'), 'MSA|AA|L-1||-1'],
      [numbered('100', 'M100'), 'MSA|AA|M100||100'],
      [numbered('102', 'M102'), 'MSA|AE|M102||101 207'],
    ];
    for (const [nth, [message, answer]] of steps.entries()) {
      sender.send(message);
      expect((await sender.answered(nth + 1))[nth]).toBe(answer);
    }
    expect(feed.states()).toEqual([
      'waiting M5',
      'waiting M6',
      'parked out-of-sequence X6',
      'rejected out-of-sequence M8',
      'rejected out-of-sequence M4',
      'rejected out-of-sequence M',
      'rejected malformed N7',
      'rejected not-supported E1',
      'waiting M7',
      'waiting M100',
      'rejected out-of-sequence M102',
    ]);
  });

  it('goes on where the inbox left off, sender by sender', async () => {
    const { intake: inbox, ledger } = createMemoryInbox({ owners: {} });
    const first = await startFeed({ sequence: true }, { inbox });
    const one = await connectSender(first.port);
    one.send(numbered('41', 'M41'), messageOf({ application: 'RAD', sequence: '7', id: 'R7' }));
    await one.answered(2);
    await first.intake.close();
    const second = await startFeed({ sequence: true }, { inbox });
    const two = await connectSender(second.port);
    two.send(link('0'), numbered('42', 'M42'), messageOf({ application: 'RAD', sequence: '8', id: 'R8' }));
    expect(await two.answered(3)).toEqual(['MSA|AA|L0||42', 'MSA|AA|M42||42', 'MSA|AA|R8||8']);
    expect(ledger.counts().waiting).toBe(4);
  });

  it('gives a number to one message only, when a sender has several connections', async () => {
    const feed = await startFeed({ sequence: true });
    const senders = await Promise.all([1, 2, 3, 4].map(() => connectSender(feed.port)));
    for (const [nth, sender] of senders.entries()) sender.send(numbered('1', `M${nth}`));
    const answers = await Promise.all(senders.map((sender) => sender.answered(1)));
    expect(answers.flat().filter((answer) => answer.startsWith('MSA|AA'))).toHaveLength(1);
    expect(feed.ledger.counts()).toMatchObject({ waiting: 1, parked: 3 });
  });
});
