import { readFileSync } from 'node:fs';
import type { Command } from 'commander';

interface FeedFlags {
  readonly to: string;
  readonly rate?: string;
  readonly connections: string;
  readonly patients: string;
  readonly seed: string;
  readonly duplicates: string;
  readonly disorder: string;
  readonly late: string;
  readonly broken: string;
  readonly wrongCharset: string;
  readonly repeat: string;
  readonly json?: boolean;
}

const TO = 'localhost:2576';

function addressOf(to: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(?:mllp:\/\/)?(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(to) ?? [];
  if (host === undefined) throw new Error(`--to takes an address such as ${TO}, not "${to}".`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function numberOf(flag: string, text: string, most: number): number {
  const value = Number(text.replace(/(?:\/s|rps|%)$/, ''));
  if (text === '' || !(value >= 0 && value <= most))
    throw new Error(`--${flag} takes a number from 0 to ${most}, not "${text}".`);
  return value;
}

/** `ficus sandbox feed` and `ficus sandbox send`: the legacy core tells what happens in the hospital. */
export function registerSandboxFeed(sandbox: Command): void {
  sandbox
    .command('feed')
    .description(
      'send a day of the hospital as HL7v2 messages: admissions, orders, results, corrections, merges, discharges',
    )
    .option('--to <address>', 'feed listener of Ficus', TO)
    .option('--rate <number>', 'messages a second; without it as fast as they are acknowledged')
    .option('--connections <number>', 'connections; messages of one patient go over the same one', '4')
    .option('--patients <number>', 'patients of the day', '180')
    .option('--repeat <number>', 'so many days, one after the other', '1')
    .option('--seed <number>', 'the same seed gives the same day', '1')
    .option('--duplicates <percent>', 'sent twice', '0')
    .option('--disorder <percent>', 'sent up to five places later than they happened', '0')
    .option('--late <percent>', 'sent after the end of the day', '0')
    .option('--broken <percent>', 'without a patient, or with a damaged header', '0')
    .option('--wrong-charset <percent>', 'bytes of another character set than the header says', '0')
    .option('--json', 'the report as JSON')
    .action(async (flags: FeedFlags) => {
      // Loaded here: the production image has no sandbox.
      const { createDay } = await import('../../sandbox/feed/day.ts');
      const { feedOf } = await import('../../sandbox/feed/disturb.ts');
      const percent = (flag: string, text: string): number => numberOf(flag, text, 100);
      const disturbances = {
        duplicates: percent('duplicates', flags.duplicates),
        disorder: percent('disorder', flags.disorder),
        late: percent('late', flags.late),
        broken: percent('broken', flags.broken),
        wrongCharset: percent('wrong-charset', flags.wrongCharset),
      };
      const first = numberOf('seed', flags.seed, 1e9);
      const patients = numberOf('patients', flags.patients, 5_000);
      const days = Array.from({ length: numberOf('repeat', flags.repeat, 1_000) }, (_, day) =>
        feedOf(
          createDay({ patients, seed: first + day, start: Date.UTC(2026, 10, 2 + day) }),
          disturbances,
          first + day,
        ),
      );
      const messages = days.flat().map(({ bytes, event }) => ({ bytes, lane: event.lane }));
      await send(messages, flags);
    });

  sandbox
    .command('send <files...>')
    .description('send files of HL7v2 messages, one message each, as the legacy core would')
    .option('--to <address>', 'feed listener of Ficus', TO)
    .option('--rate <number>', 'messages a second')
    .option('--json', 'the report as JSON')
    .action(async (files: string[], flags: Pick<FeedFlags, 'to' | 'rate' | 'json'>) => {
      const messages = files.map((file) => ({ bytes: readFileSync(file), lane: '' }));
      await send(messages, { ...flags, connections: '1' });
    });
}

async function send(
  messages: readonly { readonly bytes: Buffer; readonly lane: string }[],
  flags: Pick<FeedFlags, 'to' | 'rate' | 'json' | 'connections'>,
): Promise<void> {
  const { sendFeed } = await import('../../sandbox/feed/send.ts');
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const shows = process.stderr.isTTY && !flags.json && messages.length > 20;
  let answered = 0;
  const report = await sendFeed(messages, {
    ...addressOf(flags.to),
    connections: Math.max(1, numberOf('connections', flags.connections, 256)),
    ...(flags.rate === undefined ? {} : { rate: numberOf('rate', flags.rate, 100_000) }),
    signal: stop.signal,
    onAcknowledged: ({ code, errors }) => {
      answered += 1;
      if (messages.length <= 20) console.log([code, ...errors].join('  '));
      else if (shows && answered % 100 === 0) process.stderr.write(`\r${answered} of ${messages.length}`);
    },
  });
  if (shows) process.stderr.write('\r');
  if (flags.json) {
    console.log(JSON.stringify(report, undefined, 2));
    return;
  }
  const { sent, answers, resent, seconds, p50, p99 } = report;
  const codes = Object.entries(answers).map(([code, count]) => `${count} ${code}`);
  console.log(
    `${sent} messages in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s): ${codes.join(', ')}; ${resent} sent again; acknowledged in ${p50.toFixed(1)} ms (median), ${p99.toFixed(1)} ms (99 %)`,
  );
}
