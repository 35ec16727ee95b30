import { FicusError, toFicusError } from '../../../src/errors.ts';
import type { Clock, RequestContext } from '../../../src/ports.ts';
import type { MllpPool } from '../client.ts';
import type { Expects } from '../exchange.ts';
import type { Message } from '../message.ts';
import type { Endpoint } from './endpoint.ts';
import { isGood, readVerdict, type ErrorTable, type Purpose, type Verdict } from './refusal.ts';
import { refusalError } from './reason.ts';

/** What Ficus counts of its exchanges. */
export interface ExchangeMetrics {
  /** One exchange; `kind` is the message type, `outcome` is `ok` or an error code. */
  exchange(backend: string, kind: string, outcome: string, seconds: number): void;
  count(name: 'unmatched_reply', backend: string, by?: number): void;
}

/** A message ready to go. */
export interface Outgoing {
  readonly endpoint: Endpoint;
  readonly purpose: Purpose;
  readonly controlId: string;
  readonly bytes: Buffer;
  /** Epoch milliseconds, when it is not the request's. */
  readonly deadline?: number;
  /** What conditions of the interaction's errors may ask for, besides what the answer says. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** An answer that was understood; `empty` when the core says that there is nothing. */
export interface Reply {
  readonly message: Message;
  readonly empty: boolean;
}

/** The connection to one core, with its conventions: every message leaves one log line, one timing and one count. */
export interface Line {
  /** @throws {FicusError} what the transport says, `legacy-malformed`, or what the error tables make of a refusal. */
  send(outgoing: Outgoing, context: RequestContext): Promise<Reply>;
}

export interface LineOptions {
  /** Backend name. */
  readonly name: string;
  readonly pool: MllpPool;
  readonly errors: ErrorTable;
  readonly clock: Clock;
  readonly metrics: ExchangeMetrics;
}

export function createLine(options: LineOptions): Line {
  const { name, pool, clock, metrics } = options;
  let unmatched = 0;

  /** Replies that belonged to no request, since the last look. */
  function countUnmatched(): void {
    const { late, mismatched } = pool.stats;
    const now = late + mismatched;
    if (now > unmatched) metrics.count('unmatched_reply', name, now - unmatched);
    unmatched = now;
  }

  return {
    async send(outgoing, context) {
      const { endpoint, purpose, controlId, bytes } = outgoing;
      const started = clock.now();
      let verdict: Verdict | undefined;
      let failure: FicusError | undefined;
      // Told before anything comes back: whoever waits for it may be gone by then.
      const told = { backend: name, messageId: controlId, acknowledgement: 'none' };
      context.exchanged?.(told);
      try {
        const expects: Expects = purpose === 'write' ? 'write' : 'query';
        const { signal } = context;
        const deadline = outgoing.deadline ?? context.deadline;
        const message = await pool.exchange(bytes, { expects, controlId, signal, deadline });
        verdict = readVerdict(message, endpoint.status(message));
        return { message, empty: judge(outgoing, message, verdict, options.errors) };
      } catch (error) {
        failure = toFicusError(error);
        throw failure;
      } finally {
        const durationMs = Math.max(0, clock.now() - started);
        context.timing(name, durationMs, endpoint.kind);
        metrics.exchange(name, endpoint.kind, failure?.code ?? 'ok', durationMs / 1000);
        if (verdict) context.exchanged?.({ ...told, acknowledgement: plainAck(verdict.ack) });
        context.log.info('hl7v2 exchange', {
          backend: name,
          messageType: endpoint.kind,
          controlId,
          ack: verdict?.ack,
          durationMs,
          errorCode: failure?.code,
        });
        if (failure) countUnmatched();
      }
    },
  };
}

const TABLE_0008 = /^[AC][AER]$/;

/** Whether the answer says that there is nothing. @throws {FicusError} when it is a refusal or no answer to this. */
function judge(outgoing: Outgoing, message: Message, verdict: Verdict, errors: ErrorTable): boolean {
  const { endpoint, purpose } = outgoing;
  if (!TABLE_0008.test(verdict.ack)) throw unreadable('its MSA-1 is none of HL7 table 0008');
  const good = isGood(verdict);
  const facts = {
    ...outgoing.facts,
    ack: verdict.ack,
    status: verdict.status ?? '',
    good: good ? 'yes' : 'no',
  };
  const own = endpoint.refusal(message, facts, verdict.errors);
  if (own) throw refusalError(own, verdict, endpoint.elementOf);
  if (!good) {
    const code = errors(verdict, purpose);
    if (code === 'empty') return true;
    throw refusalError(code, verdict, endpoint.elementOf);
  }
  if (!endpoint.accepts(message)) throw unreadable('it is of another message type');
  return false;
}

/** MSA-1 where it is one: anything else could be a value. */
function plainAck(ack: string): string {
  return ack === '' ? 'none' : TABLE_0008.test(ack) ? ack : 'other';
}

function unreadable(why: string): FicusError {
  return new FicusError('legacy-malformed', `The answer of the legacy system cannot be read: ${why}.`);
}
