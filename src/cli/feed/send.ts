import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseBatch } from '../../../adapters/hl7v2/batch.ts';
import { createMllpPool } from '../../../adapters/hl7v2/client.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { systemClock } from '../../clock.ts';
import { toFicusError } from '../../errors.ts';
import { hanging, many } from '../text.ts';

interface SendOptions {
  readonly to: string;
  readonly connections: string;
  readonly attempts: string;
}

interface Sendable {
  readonly file: string;
  /** From 1, within its file. */
  readonly nth: number;
  readonly message: Message;
}

function messagesOf(file: string): Sendable[] {
  let messages: readonly Message[];
  try {
    messages = parseBatch(readFileSync(file), { defaultCharset: 'UNICODE UTF-8' }).messages;
  } catch (error) {
    throw new Error(`${file} cannot be sent: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return messages.map((message, at) => ({ file, nth: at + 1, message }));
}

function addressOf(to: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(?:mllp:\/\/)?(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(to) ?? [];
  if (host === undefined) throw new Error(`--to takes an address such as localhost:2576, not "${to}".`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** `AE  PID^1^3  100`: what an acknowledgement says, without texts that may hold values. */
function describeAnswer(reply: Message): string {
  const errors = reply.all('ERR').map((error) => {
    const [location, code] = [
      error.value(2)
        ? [1, 2, 3].map((part) => error.value(2, 1, part) ?? '').join('^')
        : (error.value(1) ?? ''),
      error.value(3) ?? '',
    ];
    return `${location} ${code}`.trim();
  });
  return [reply.value('MSA', 1) ?? '?', ...errors].join('  ');
}

/** `ficus feed send`: files of messages over MLLP, and how each was acknowledged. */
export function registerFeedSend(feed: Command): void {
  feed
    .command('send <files...>')
    .description(
      'send the messages of files (one, several, a batch) to a feed listener, in order, and say how they were acknowledged',
    )
    .option('--to <address>', 'feed listener', 'localhost:2576')
    .option('--connections <number>', 'connections; with more than one the order is not kept', '1')
    .option('--attempts <number>', 'how often a message without an acknowledgement is sent', '3')
    .action(async (files: string[], { to, connections, attempts }: SendOptions) => {
      const all = files.flatMap(messagesOf);
      const most = Number(connections);
      const pool = createMllpPool({
        ...addressOf(to),
        connections: most,
        maxQueue: most,
        clock: systemClock,
      });
      const shows = process.stderr.isTTY && all.length > 20;
      const counts = new Map<string, number>();
      let done = 0;
      const started = performance.now();
      const queue = all.values();
      const sendOne = async ({ file, nth, message }: Sendable): Promise<void> => {
        const answer = await exchange(pool, message, Number(attempts));
        const code = answer.split(' ')[0]!;
        counts.set(code, (counts.get(code) ?? 0) + 1);
        done += 1;
        if (shows && done % 50 === 0) process.stderr.write(`\r${done} of ${all.length}`);
        const accepted = code === 'AA' || code === 'CA';
        if (!accepted) process.exitCode = 1;
        if (!accepted || all.length <= 20) console.log(hanging(`${file} #${nth}  `, answer));
      };
      const worker = async (): Promise<void> => {
        for (const one of queue) await sendOne(one);
      };
      try {
        await Promise.all(Array.from({ length: Math.max(1, most) }, worker));
      } finally {
        await pool.close();
      }
      if (shows) process.stderr.write('\r');
      const answers = [...counts].map(([code, count]) => `${count} ${code}`).join(', ');
      console.log(
        `${many(all.length, 'message')} in ${((performance.now() - started) / 1_000).toFixed(1)} s: ${answers}`,
      );
    });
}

/** Sends a message until it is acknowledged: the feed keeps one of each, however often it comes. */
async function exchange(
  pool: ReturnType<typeof createMllpPool>,
  message: Message,
  attempts: number,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return describeAnswer(await pool.exchange(message, { expects: 'query' }));
    } catch (error) {
      if (attempt >= attempts) return `not acknowledged: ${toFicusError(error).message}`;
    }
  }
}
