import type { Command } from 'commander';
import { developerToken } from './developer-token.ts';

interface LoadFlags {
  readonly reads: string;
  readonly writes: string;
  readonly for?: string;
  readonly rate?: string;
  readonly clients?: string;
  readonly day?: string;
  readonly endpoint?: readonly string[];
  readonly seed: string;
  readonly fhir: string;
  readonly control: string;
  readonly tokens: string;
  readonly json?: boolean;
}

/** A day of a small hospital, and the seconds that it is pressed into when nothing is said. */
const DAY = { reads: 2_400, writes: 96, seconds: 32 };

/** `50` and `50rps` are fifty a second. */
function perSecond(flag: string, text: string): number {
  const [, digits] = /^(\d+(?:\.\d+)?)(?:rps|\/s)?$/.exec(text) ?? [];
  if (digits === undefined)
    throw new Error(`--${flag} takes requests a second such as 50 or 50rps, not "${text}".`);
  return Number(digits);
}

/** A whole number over 0. */
function count(flag: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${flag} takes a whole number over 0, not "${text}".`);
  return Number(text);
}

/** Reads and writes a second, and for how long. */
export function planLoad(
  flags: Pick<LoadFlags, 'reads' | 'writes' | 'rate' | 'day'>,
  seconds: number | undefined,
): { readonly reads: number; readonly writes: number; readonly seconds: number } {
  if (flags.day !== undefined) {
    const days = perSecond('day', flags.day);
    const lasting = seconds ?? DAY.seconds * days;
    return { reads: (DAY.reads * days) / lasting, writes: (DAY.writes * days) / lasting, seconds: lasting };
  }
  const reads = perSecond('reads', flags.reads);
  const writes = perSecond('writes', flags.writes);
  const lasting = seconds ?? 60;
  if (flags.rate === undefined) return { reads, writes, seconds: lasting };
  if (reads + writes === 0) throw new Error('--rate needs --reads or --writes above 0, for their share.');
  const factor = perSecond('rate', flags.rate) / (reads + writes);
  return { reads: reads * factor, writes: writes * factor, seconds: lasting };
}

/** How long a load may last, in seconds. */
const LONGEST_SECONDS = 86_400;

/** A token of a program that may do everything; none where no authorization server runs: what is asked may be open. */
async function headersFrom(stateDir: string): Promise<Record<string, string>> {
  const wish = { scope: 'system/*.cruds', seconds: LONGEST_SECONDS };
  const token = await developerToken(stateDir, wish).catch(() => undefined);
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** `ficus sandbox load`: asks a running Ficus like the hospital's applications. */
export function registerSandboxLoad(sandbox: Command): void {
  sandbox
    .command('load')
    .description('ask a running Ficus as the applications of a hospital would, and say how it answered')
    .option('--reads <rps>', 'reads a second, each when it is due', '50')
    .option(
      '--clients <number>',
      'so many that each wait for an answer before they read again, instead of --reads a second',
    )
    .option('--writes <rps>', 'bookings and changes of bookings a second', '0')
    .option('--for <time>', 'how long, e.g. 60s or 2m (default: 60s)')
    .option('--rate <rps>', 'all together a second; reads and writes keep their proportion')
    .option(
      '--day <number>',
      `so many days of a small hospital, pressed into ${DAY.seconds} s each, or into --for`,
    )
    .option('--endpoint <endpoint...>', 'only reads of these, e.g. Observation.search')
    .option('--seed <number>', 'the same seed asks the same', '1')
    .option('--fhir <url>', 'FHIR base address', 'http://localhost:8080/fhir/r4')
    .option(
      '--control <url>',
      'control API of the sandbox, which knows the patients',
      'http://localhost:8090',
    )
    .option('--tokens <folder>', 'state of the sandbox, which has a token for it', '.ficus')
    .option('--json', 'the whole report as JSON')
    .action(async (flags: LoadFlags) => {
      // Loaded here: the production image has no sandbox.
      const { formatReport, runLoad } = await import('../../sandbox/load/index.ts');
      const { milliseconds } = await import('../../sandbox/faults/shorthand.ts');
      const readers = flags.clients === undefined ? 0 : count('clients', flags.clients);
      const plan = planLoad(
        flags,
        flags.for === undefined ? undefined : milliseconds('for', flags.for) / 1_000,
      );
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      if (!flags.json) {
        const { reads, writes, seconds } = plan;
        const asked = readers > 0 ? `${readers} clients that read` : `${reads.toFixed(1)} reads`;
        console.log(`${asked} and ${writes.toFixed(1)} writes a second for ${seconds} s. Ctrl-C ends it.`);
      }
      const report = await runLoad({
        ...plan,
        ...(readers > 0 ? { readers, reads: 0 } : {}),
        fhirBase: flags.fhir.replace(/\/+$/, ''),
        controlBase: flags.control.replace(/\/+$/, ''),
        seed: Number(flags.seed),
        signal: stop.signal,
        headers: await headersFrom(flags.tokens),
        ...(flags.endpoint ? { endpoints: flags.endpoint } : {}),
      });
      console.log(flags.json ? JSON.stringify(report, null, 2) : formatReport(report));
    });
}
