import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFrameReader, frame } from '../legacy-core/mllp/frames.ts';

export interface SendOptions {
  readonly host: string;
  readonly port: number;
  /** Messages a second, all connections together; as fast as they are acknowledged when absent. */
  readonly rate?: number;
  /** Connections; default 1. Messages of one patient always go over the same one. */
  readonly connections?: number;
  /**
   * Longest that an acknowledgement is waited for before the message is sent again on a new connection, in
   * milliseconds; default 10,000.
   */
  readonly patienceMs?: number;
  /** Told of every acknowledgement. */
  readonly onAcknowledged?: (sent: Acknowledged) => void;
  readonly signal?: AbortSignal;
}

/** A message that was answered. */
export interface Acknowledged {
  readonly index: number;
  /** MSA-1: AA, AE, AR, CA, CE, CR. */
  readonly code: string;
  /** ERR segments of the answer. */
  readonly errors: readonly string[];
  /** How often it was sent. */
  readonly attempts: number;
  readonly milliseconds: number;
}

/** What became of everything that was sent. */
export interface SendReport {
  readonly sent: number;
  /** By MSA-1. */
  readonly answers: Readonly<Record<string, number>>;
  /** Messages that had to be sent again. */
  readonly resent: number;
  readonly seconds: number;
  /** Milliseconds from sending to acknowledgement. */
  readonly p50: number;
  readonly p99: number;
}

/** What is sent, and which messages must keep their order. */
export interface Outgoing {
  readonly bytes: Buffer;
  /** Messages with the same lane go over one connection. */
  readonly lane: string;
}

/**
 * Sends messages as an interface engine does: each connection waits for the acknowledgement of one before it sends the
 * next, and sends again, on a new connection, what was not acknowledged. Resolves when all were answered, or at the
 * abort.
 */
export async function sendFeed(messages: readonly Outgoing[], options: SendOptions): Promise<SendReport> {
  const { connections = 1, rate, signal } = options;
  const queues = Array.from({ length: connections }, (): number[] => []);
  for (const [index, { lane }] of messages.entries()) queues[laneOf(lane, connections)]!.push(index);
  const answers: Record<string, number> = {};
  const times: number[] = [];
  let resent = 0;
  const started = performance.now();
  const dueAt = (index: number): number => (rate === undefined ? 0 : started + (index * 1_000) / rate);
  await Promise.all(
    queues.map(async (queue) => {
      const line = createLine(options);
      try {
        for (const index of queue) {
          const early = dueAt(index) - performance.now();
          if (early > 1) await sleep(early, undefined, signal ? { signal } : {}).catch(() => {});
          if (signal?.aborted) return;
          const from = performance.now();
          const { answer, attempts } = await line.send(messages[index]!.bytes);
          const milliseconds = performance.now() - from;
          times.push(milliseconds);
          if (attempts > 1) resent += 1;
          const lines = answer.toString('latin1').split('\r');
          const code = lines.find((text) => text.startsWith('MSA'))?.split('|')[1] ?? '?';
          answers[code] = (answers[code] ?? 0) + 1;
          const errors = lines.filter((text) => text.startsWith('ERR'));
          options.onAcknowledged?.({ index, code, errors, attempts, milliseconds });
        }
      } finally {
        line.close();
      }
    }),
  );
  const sorted = times.toSorted((one, other) => one - other);
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    sent: times.length,
    answers,
    resent,
    seconds: (performance.now() - started) / 1_000,
    p50: quantile(0.5),
    p99: quantile(0.99),
  };
}

function laneOf(lane: string, lanes: number): number {
  let hash = 0;
  for (const character of lane) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % lanes;
}

/** One connection, made anew when it is lost or silent. */
function createLine({ host, port, patienceMs = 10_000, signal }: SendOptions): {
  send(bytes: Buffer): Promise<{ answer: Buffer; attempts: number }>;
  close(): void;
} {
  let socket: Socket | undefined;
  const controlIdOf = (bytes: Buffer): string => bytes.toString('latin1').split('\r')[0]!.split('|')[9] ?? '';
  const exchange = (bytes: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const line = (socket ??= connect({ host, port, noDelay: true }));
      const read = createFrameReader();
      const wanted = controlIdOf(bytes);
      const timer = setTimeout(() => end(new Error('no acknowledgement')), patienceMs);
      const end = (outcome: Buffer | Error): void => {
        clearTimeout(timer);
        line.off('data', onData).off('error', end).off('close', onClose);
        if (outcome instanceof Error) {
          line.on('error', () => {}).destroy();
          socket = undefined;
          reject(outcome);
        } else resolve(outcome);
      };
      const onData = (chunk: Buffer): void => {
        for (const answer of read(chunk)) {
          const about = /(?:^|\r)MSA\|[^|]*\|([^|\r]*)/.exec(answer.toString('latin1'))?.[1];
          // An answer to nobody in particular is about the last that was sent: a header may be too broken to name.
          if (about === wanted || about === '' || about === undefined) return end(answer);
        }
      };
      const onClose = (): void => end(new Error('the connection was closed'));
      line.on('data', onData).on('error', end).on('close', onClose);
      line.write(frame(bytes));
    });
  return {
    async send(bytes) {
      for (let attempts = 1; ; attempts += 1) {
        try {
          return { answer: await exchange(bytes), attempts };
        } catch (error) {
          if (signal?.aborted || attempts >= 100) throw error;
          await sleep(Math.min(50 * attempts, 1_000));
        }
      }
    },
    close: () => socket?.destroy(),
  };
}
