import type { PromisedAnswer } from '../../../src/answer-ports.ts';
import type { Arrival, InboxIntake, Receipt } from '../../../src/feed-ports.ts';
import type { Clock, Logger } from '../../../src/ports.ts';
import type { AckCode } from '../ack.ts';
import type { Answer, MessageHandler, Peer } from '../listener-options.ts';
import { answerNow, answersLater, askedFor, writeAnswer } from './answer.ts';
import type { Asked } from './answer.ts';
import { writeBatchAnswer } from './batch-answer.ts';
import { isCertificateAllowed } from './certificate.ts';
import { charsetOf, examine, withVerdict } from './examine.ts';
import type { Examined } from './examine.ts';
import type { Refusal } from './fault.ts';
import { splitFrame } from './frame.ts';
import type { FrameContent } from './frame.ts';
import { headerOf } from './header.ts';
import type { Header } from './header.ts';
import type { MessageTypes } from './message-types.ts';
import type { InterfaceProfile } from './profile.ts';
import { writeAtEnd } from './promised.ts';
import { createSequenceLanes } from './sequence-lanes.ts';
import type { Settlements } from './settlements.ts';

/** What happens at an interface besides arrivals, counted. */
export type IntakeEvent =
  /** An acknowledgement that came as a message: taken note of, not stored. */
  | 'acknowledgement-received'
  /** A batch whose trailer announced another number of messages. */
  | 'batch-miscounted';

/** What is measured at the interfaces. Labels are names of the configuration and codes. */
export interface IntakeMetrics {
  /** A message was answered with this, `none` when its sender wants to hear nothing, so many seconds after it came. */
  acknowledged(source: string, code: AckCode | 'none', seconds: number): void;
  count(event: IntakeEvent, source: string): void;
}

/** Application acknowledgements that are somebody else's, or nobody's any more. */
export interface AnswerNotes {
  /**
   * A message came again whose application acknowledgement goes to the reply address: its sender is to hear again how
   * it ended.
   */
  askedAgain(source: string, seq: number): void;
  /** The connection is gone that an application acknowledgement was to go to. */
  lost(source: string, answer: Pick<PromisedAnswer, 'seq' | 'code'>): void;
}

/** What one interface takes messages with. */
export interface LinkOptions {
  readonly profile: InterfaceProfile;
  readonly inbox: Pick<InboxIntake, 'receive' | 'lastSequence'>;
  readonly types: MessageTypes;
  readonly settlements: Settlements | undefined;
  readonly answers: AnswerNotes | undefined;
  readonly clock: Clock;
  readonly log: Logger | undefined;
  readonly metrics: IntakeMetrics | undefined;
  /** A new MSH-10. */
  readonly controlId: () => string;
}

/** A message that has been answered, or not, for the moment. */
interface Taken {
  readonly answer: Buffer | undefined;
  readonly refused: boolean;
}

/** Messages of one batch on their way to the disk at once. */
const WINDOW = 256;

/** Makes what an interface does with each frame: examine, make safe, and only then acknowledge. */
export function createLink(options: LinkOptions): MessageHandler {
  const { profile, inbox, types, clock, controlId, metrics, log } = options;
  const sequences = profile.sequence ? createSequenceLanes(profile.name, inbox) : undefined;
  const allowed = new WeakMap<Peer, boolean>();
  const isAllowed = (peer: Peer): boolean => {
    let known = allowed.get(peer);
    if (known === undefined) {
      known = isCertificateAllowed(peer.certificate, profile.tls);
      allowed.set(peer, known);
    }
    return known;
  };

  const write = (
    header: Header | undefined,
    code: AckCode,
    refusal: Refusal | undefined,
    expected?: number,
  ): Buffer => {
    const sequence = expected === undefined ? {} : { expectedSequence: expected };
    return writeAnswer(header, code, refusal, profile.errorStyle, {
      controlId: controlId(),
      now: clock.now(),
      ...sequence,
    });
  };

  /** Makes a message safe and says what its sender hears of it now. */
  function keep(
    examined: Examined,
    asked: Asked,
    peer: Peer,
    expected?: (stored: boolean) => number,
  ): Promise<Taken> {
    return inbox
      .receive(examined.arrival)
      .then((receipt) => answerKept(examined, receipt, asked, peer, expected));
  }

  function answerKept(
    { arrival, header, refusal }: Examined,
    receipt: Receipt,
    asked: Asked,
    peer: Peer,
    expected: ((stored: boolean) => number) | undefined,
  ): Taken {
    const problem = refusal ?? (receipt.kind === 'conflict' ? REUSED : undefined);
    const stored = receipt.kind === 'stored' && !problem;
    const code = answerNow(asked, problem?.level ?? 'success');
    metrics?.acknowledged(profile.name, code ?? 'none', (clock.now() - arrival.at) / 1000);
    if (problem)
      log?.warn('message refused', { backend: profile.name, reason: problem.reason, ack: code ?? 'none' });
    else if (header && answersLater(asked))
      later(header, asked, peer, receipt.kind === 'duplicate' ? receipt.of : receipt.seq, receipt.kind);
    const answer = code && write(header, code, problem, expected?.(stored));
    return { answer, refused: problem !== undefined };
  }

  /**
   * Sends the application acknowledgement when processing has ended. Only the header is held until then. What goes to a
   * reply address is found by the messages themselves, and sent by whoever follows them.
   */
  function later(header: Header, asked: Asked, peer: Peer, seq: number, kind: Receipt['kind']): void {
    if (profile.replies) {
      if (kind === 'duplicate') options.answers?.askedAgain(profile.name, seq);
      return;
    }
    const { delimiters } = header;
    // A copy: a part of the message's text would hold all of it.
    const line = Buffer.from(header.fields.join(delimiters.field), 'latin1');
    options.settlements?.whenSettled(seq, (outcome) => {
      const original = headerOf(line.toString('latin1'), delimiters, charsetOf(profile));
      const answer = writeAtEnd(original, asked, outcome, {
        profile,
        controlId,
        now: clock.now(),
        accept: 'NE',
      });
      if (answer && !peer.send(answer.payload))
        options.answers?.lost(profile.name, { seq, code: answer.code });
    });
  }

  async function keepInSequence(examined: Examined, asked: Asked, peer: Peer): Promise<Taken> {
    const { arrival, header } = examined;
    const lanes = sequences!;
    return lanes.inTurn(arrival.sender, async (lane) => {
      if (examined.refusal && !isLinkMessage(examined)) {
        const expected = await lane.expected();
        return keep(refuse(examined, examined.refusal, asked), asked, peer, () => expected);
      }
      const step = await lane.step(header!.sequence);
      if (step.kind === 'link') {
        const code = answerNow(asked, 'success');
        return { answer: code && write(header, code, undefined, step.expected), refused: false };
      }
      if (step.kind === 'next') {
        const numbered = { ...examined, arrival: { ...arrival, sequence: step.number } };
        return keep(numbered, asked, peer, (stored) => {
          if (stored) lane.stored(step.number);
          // What is refused does not use its number up: it is still the one that is expected.
          return step.number;
        });
      }
      const refusal: Refusal = { level: 'error', reason: 'out-of-sequence', faults: [step.fault] };
      if (step.kind === 'refused')
        return keep(refuse(examined, refusal, asked), asked, peer, () => step.expected);
      return keepRepeated(examined, refusal, asked, peer, step.expected);
    });
  }

  /** The number of the message before: that message again when the inbox says so, else one for somebody to look at. */
  async function keepRepeated(
    { arrival, header }: Examined,
    refusal: Refusal,
    asked: Asked,
    peer: Peer,
    expected: number,
  ): Promise<Taken> {
    const verdict = { state: 'parked', reason: 'out-of-sequence', detail: refusal.faults[0].text } as const;
    const receipt = await inbox.receive({ ...arrival, verdict });
    const problem = receipt.kind === 'duplicate' ? undefined : refusal;
    const code = answerNow(asked, problem?.level ?? 'success');
    metrics?.acknowledged(profile.name, code ?? 'none', (clock.now() - arrival.at) / 1000);
    if (!problem && header && answersLater(asked) && receipt.kind === 'duplicate')
      later(header, asked, peer, receipt.of, receipt.kind);
    return { answer: code && write(header, code, problem, expected), refused: problem !== undefined };
  }

  function takeOne(bytes: Buffer, peer: Peer): Promise<Taken> {
    const facts = { at: clock.now(), types, certificateAllowed: isAllowed(peer) };
    const examined = examine(bytes, profile, facts);
    const { header, refusal } = examined;
    if (header && (header.code === 'ACK' || header.code === 'MCF')) {
      // Never answered: two systems that acknowledge acknowledgements do not stop.
      metrics?.count('acknowledgement-received', profile.name);
      return Promise.resolve({ answer: undefined, refused: false });
    }
    const asked = askedFor(header, profile.acknowledge);
    if (sequences && header) return keepInSequence(examined, asked, peer);
    return keep(refusal ? refuse(examined, refusal, asked) : examined, asked, peer);
  }

  async function takeBatch(content: FrameContent, peer: Peer): Promise<Answer> {
    const taken: Taken[] = [];
    for (let at = 0; at < content.messages.length; at += WINDOW) {
      const part = content.messages.slice(at, at + WINDOW);
      taken.push(...(await Promise.all(part.map((bytes) => takeOne(bytes, peer)))));
    }
    const { announced, headers, messages } = content;
    if (announced !== undefined && announced !== messages.length) {
      metrics?.count('batch-miscounted', profile.name);
      log?.warn('batch of another size than announced', { backend: profile.name, count: messages.length });
    }
    if (headers.length === 0) return taken.flatMap(({ answer }) => answer ?? []);
    if (profile.batches === 'none') return undefined;
    const told = profile.batches === 'all' ? taken : taken.filter(({ refused }) => refused);
    const answers = told.flatMap(({ answer }) => answer ?? []);
    return writeBatchAnswer(content, answers, { now: clock.now(), controlId: controlId() });
  }

  return (payload, peer) => {
    const content = splitFrame(payload);
    const [only] = content.messages;
    // A frame without bytes is a sign of life; MLLP release 2 sends one byte.
    if (content.headers.length === 0 && (!only || only.length <= 1)) return undefined;
    if (only && content.messages.length === 1 && content.headers.length === 0)
      return takeOne(only, peer).then(({ answer }) => answer);
    return takeBatch(content, peer);
  };
}

/**
 * Gives an arrival its verdict. A sender that wants to hear nothing of refusals is told nothing: then somebody here has
 * to look.
 */
function refuse(examined: Examined, refusal: Refusal, asked: Asked): Examined {
  const arrival: Arrival = withVerdict(examined.arrival, refusal);
  const told = answerNow(asked, refusal.level) !== undefined;
  const verdict = told ? arrival.verdict! : { ...arrival.verdict!, state: 'parked' as const };
  return { ...examined, arrival: { ...arrival, verdict }, refusal };
}

/** 0 and -1, of which only MSH has to be there. */
function isLinkMessage({ header, refusal }: Examined): boolean {
  const short = !refusal || (refusal.level === 'error' && refusal.reason === 'malformed');
  return short && (header?.sequence === '0' || header?.sequence === '-1');
}

const REUSED: Refusal = {
  level: 'error',
  reason: 'control-id-reused',
  faults: [
    {
      code: '205',
      place: { segment: 'MSH', field: 10 },
      text: 'MSH-10 was used before, for a message with other content',
    },
  ],
};
