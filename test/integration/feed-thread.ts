import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import type { InterfaceProfile } from '../../adapters/hl7v2/intake/profile.ts';
import { createSettlements } from '../../adapters/hl7v2/intake/settlements.ts';
import type { SettlementDesk } from '../../adapters/hl7v2/intake/settlements.ts';
import { systemClock } from '../../src/clock.ts';
import { startIntake } from '../../src/compose/feed/intake-client.ts';
import type { IntakeClient } from '../../src/compose/feed/intake-client.ts';
import type { Patience } from '../../src/resilience/beats.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import type { InboxLedger, MessageOutcome } from '../../src/feed-ports.ts';
import type { Logger } from '../../src/ports.ts';
import { STRUCTURES, profileOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { until } from './mllp-core.ts';

/** A log line, its error as the logger got it. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly error: unknown;
}

/** Interfaces in their thread, over an inbox on disk. */
export interface Threaded {
  readonly intake: IntakeClient;
  readonly ledger: InboxLedger;
  readonly desk: SettlementDesk;
  readonly lines: readonly Line[];
  /** How often the thread said that there is more to process. */
  readonly stored: () => number;
  readonly port: number;
  /** Ends the thread as a fault of its own would, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Lets its event loop turn no more; with `HANGING` only. */
  hang(): void;
  /** Resolves when messages are taken. */
  back(): Promise<void>;
}

export interface ThreadedOptions {
  readonly file?: string;
  readonly ended?: (seq: number) => MessageOutcome | undefined;
  readonly profiles?: readonly InterfaceProfile[];
  readonly entry?: URL;
  readonly watch?: Patience;
  readonly owners?: Readonly<Record<string, string>>;
}

/** The thread can be told to hang, and is watched closely. */
export const HANGING: ThreadedOptions = {
  entry: new URL('./feed-thread-hanging.ts', import.meta.url),
  watch: { everyMs: 100, looks: 50, opening: 3_000 },
};

export function newInbox(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-thread-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'inbox.sqlite');
}

export async function startThreaded({
  file = newInbox(),
  ended = () => undefined,
  profiles = [profileOf()],
  ...more
}: ThreadedOptions = {}): Promise<Threaded> {
  const threads: Worker[] = [];
  const began = (thread: Worker): number => threads.push(thread);
  process.on('worker', began);
  onTestFinished(() => void process.off('worker', began));
  const lines: Line[] = [];
  const desk = createSettlements(ended);
  let stored = 0;
  const intake = await startIntake({
    inbox: file,
    owners: { lab: 'integration team' },
    types: STRUCTURES,
    most: { messages: 10_000, bytes: 64 << 20 },
    settlements: desk,
    answers: { askedAgain: () => {}, lost: () => {}, abandoned: () => {} },
    onStored: () => (stored += 1),
    clock: systemClock,
    log: logTo(lines),
    pause: { first: 1, most: 20 },
    ...more,
  });
  onTestFinished(() => intake.close());
  await intake.listen(profiles);
  const ledger = openInboxLedger(file);
  onTestFinished(() => ledger.close());
  return {
    intake,
    ledger,
    desk,
    lines,
    stored: () => stored,
    port: intake.ports['lab']!,
    kill: async () => void (await threads.at(-1)!.terminate()),
    hang: () => threads.at(-1)!.postMessage({ kind: 'hang' }),
    back: () => until(() => intake.trouble === undefined),
  };
}

function logTo(lines: Line[]): Logger {
  const write =
    (level: string) =>
    (message: string, fields: { readonly error?: unknown } = {}): void =>
      void lines.push({ level, message, error: fields.error });
  const log: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}
