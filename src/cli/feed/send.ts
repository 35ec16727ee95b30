import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseBatch } from '../../../adapters/hl7v2/batch.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { hanging, many } from '../text.ts';
import { createSendLine } from './send-line.ts';
import type { Listener } from './send-line.ts';
import { belongsTo, describeAnswer, endOf, isDone, note, sureOf } from './sending.ts';
import type { Sending } from './sending.ts';

interface SendOptions {
  readonly to: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly connections: string;
  readonly attempts: string;
  readonly wait: string;
  readonly elsewhere?: true;
}

/** How long an answer is waited for, how often it is tried, and who is told. */
interface Manner {
  readonly to: Listener;
  readonly attempts: number;
  readonly waitMs: number;
  /** Application acknowledgements go somewhere else. */
  readonly elsewhere: boolean;
  /** Something was heard of a message, or it is given up. */
  readonly say: (of: Sending, words: string) => void;
}

const EXIT_CODES = `
Exit code: 0 when every message was accepted; 1 when one was refused, or nothing could be sent; 2 when one was not acknowledged;
3 when a message was accepted (CA), and the application acknowledgement that it asks for (MSH-16) did not come here.`;

/** Up to so many messages, each answer is told; of more, only what is not as it should be. */
const EACH = 20;
/** Milliseconds before a message is sent again, more each time. */
const AGAIN_MS = 100;
/** Milliseconds between two words of progress: on a terminal, and elsewhere. */
const PROGRESS_MS = { terminal: 200, elsewhere: 5_000 };

/** `ficus feed send`: files of messages over MLLP, and how each was acknowledged. */
export function registerFeedSend(feed: Command): void {
  feed
    .command('send <files...>')
    .description(
      'send the messages of files (one, several, a batch) to a feed listener, in order, and say how they were acknowledged',
    )
    .option('--to <address>', 'feed listener; mllps://host:port for TLS', 'localhost:2576')
    .option('--ca <file>', 'PEM of the authorities that vouch for the listener (TLS)')
    .option('--cert <file>', 'PEM of the certificate to show (TLS)')
    .option('--key <file>', 'PEM of its private key')
    .option('--connections <number>', 'connections; with more than one the order is not kept', '1')
    .option('--attempts <number>', 'how often a message without an acknowledgement is sent', '3')
    .option('--wait <seconds>', 'longest without an answer', '20')
    .option('--elsewhere', 'application acknowledgements go to a reply address: do not wait for them')
    .addHelpText('after', EXIT_CODES)
    .action(async (files: string[], options: SendOptions) => {
      const all = files.flatMap(sendingsOf);
      const started = performance.now();
      const progress = showProgress(all);
      const say = (of: Sending, words: string): void => {
        const bad = of.problem !== undefined || /^[AC][ER]/.test(words);
        if (!bad && all.length > EACH) return;
        progress.clear();
        console.log(hanging(`${of.file} #${of.nth}  `, words));
      };
      const { elsewhere = false } = options;
      const manner: Manner = {
        to: listenerOf(options),
        attempts: numberOf('attempts', options.attempts),
        waitMs: numberOf('wait', options.wait) * 1_000,
        elsewhere,
        say,
      };
      const queue = all.values();
      const connections = numberOf('connections', options.connections);
      try {
        await Promise.all(Array.from({ length: connections }, () => sendAll(queue, manner)));
      } finally {
        progress.end();
      }
      const { words, exitCode } = endOf(all, (performance.now() - started) / 1_000, elsewhere);
      console.log(words.map((line) => hanging('', line)).join('\n'));
      process.exitCode = exitCode;
    });
}

function sendingsOf(file: string): Sending[] {
  let messages: readonly Message[];
  try {
    messages = parseBatch(readFileSync(file), { defaultCharset: 'UNICODE UTF-8' }).messages;
  } catch (error) {
    throw new Error(`${file} cannot be sent: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return messages.map((message, at) => ({
    file,
    nth: at + 1,
    message,
    controlId: message.value('MSH', 10) ?? '',
    sure: sureOf(message),
  }));
}

function listenerOf({ to, ca, cert, key }: SendOptions): Listener {
  const [, scheme, host, port] = /^(?:(mllps?):\/\/)?(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(to) ?? [];
  if (host === undefined) throw new Error(`--to takes an address such as localhost:2576, not "${to}".`);
  const address = { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  if (scheme !== 'mllps' && ca === undefined && cert === undefined) return address;
  if ((cert === undefined) !== (key === undefined)) throw new Error('--cert and --key go together.');
  return {
    ...address,
    tls: {
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined || key === undefined
        ? {}
        : { cert: readFileSync(cert), key: readFileSync(key) }),
    },
  };
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new Error(`--${flag} takes a number above 0, not "${text}".`);
  return value;
}

/**
 * Sends over one connection, one message after the other: the next when the one before is safe, and not when it is
 * processed.
 */
async function sendAll(queue: Iterable<Sending>, manner: Manner): Promise<void> {
  const { to, attempts, waitMs, elsewhere, say } = manner;
  const sent: Sending[] = [];
  const line = createSendLine(to, (reply) => {
    const code = reply.value('MSA', 1) ?? '?';
    const about = belongsTo(sent, reply.value('MSA', 2) ?? '', code);
    if (!about) return;
    note(about, code);
    const waits = isDone(about) || elsewhere ? '' : '; the application acknowledgement is to follow';
    say(about, `${describeAnswer(reply)}${waits}`);
  });

  /** @returns why it may not have been taken */
  async function tryOnce(one: Sending): Promise<string | undefined> {
    try {
      await line.write(one.message);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return `${to.host}:${to.port} cannot be reached (${code ?? message})`;
    }
    if (!one.sure.first || (await line.until(() => one.first !== undefined, waitMs))) return undefined;
    line.drop();
    return line.brokeBy === undefined ? 'no answer came' : `no answer came (${line.brokeBy})`;
  }

  for (const one of queue) {
    sent.push(one);
    let problem: string | undefined = 'it was not sent';
    for (let attempt = 1; attempt <= attempts && problem !== undefined; attempt += 1) {
      if (attempt > 1) await pause(AGAIN_MS * attempt);
      problem = await tryOnce(one);
    }
    if (problem !== undefined) say(Object.assign(one, { problem }), `not acknowledged: ${problem}`);
    else if (!one.sure.first) say(one, `sent; ${one.sure.words}`);
  }
  if (!elsewhere) await line.until(() => sent.every(isDone), waitMs);
  await line.end();
}

/** Says how far it is: on a terminal in one line, elsewhere now and then. */
function showProgress(all: readonly Sending[]): { clear(): void; end(): void } {
  const terminal = process.stderr.isTTY;
  const clear = (): void => void (terminal && process.stderr.write('\r\u001b[K'));
  const timer = setInterval(
    () => {
      const safe = all.filter(({ first, problem }) => first !== undefined || problem !== undefined).length;
      const open = all.filter((one) => one.first !== undefined && !isDone(one)).length;
      const words = `${safe} of ${many(all.length, 'message')} answered${open > 0 ? `, ${open} to be told how they were processed` : ''}`;
      clear();
      process.stderr.write(terminal ? words : `${words}\n`);
    },
    terminal ? PROGRESS_MS.terminal : PROGRESS_MS.elsewhere,
  );
  timer.unref();
  return {
    clear,
    end() {
      clearInterval(timer);
      clear();
    },
  };
}
