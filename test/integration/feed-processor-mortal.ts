import { existsSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/clock.ts';
import type { AfterDeath, InHand } from '../../src/events/feed/in-hand.ts';
import { runProcessorThread } from '../../src/events/feed/processor-thread.ts';
import type { ReadContent } from '../../src/events/feed/processor.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { openTestProjection, readTestMessage } from '../unit/events/feed/support.ts';

/** What the thread is begun with. */
export interface MortalData {
  readonly files: { readonly inbox: string; readonly projection: string };
  readonly inHand: InHand;
  readonly after?: AfterDeath;
}

const { files, inHand, after } = workerData as MortalData;

/** Ends the thread, or hangs, where a message says so; `once`: not when it comes back. */
const read: ReadContent = (bytes) => {
  const content = readTestMessage(bytes);
  const text = Buffer.from(bytes).toString();
  const mark = `${files.projection}.died`;
  const again = existsSync(mark);
  if (text.includes('"once') && !again) {
    writeFileSync(mark, '');
    process.exit(1);
  }
  if (text.includes('"die')) process.exit(1);
  if (text.includes('"hang')) for (;;);
  return content;
};
const now = { read, fields: () => undefined, explain: () => undefined };

runProcessorThread({
  port: parentPort!,
  ledger: openInboxLedger(files.inbox),
  writer: openTestProjection(files.projection),
  reader: { now, by: () => now, use: () => {}, check: () => [] },
  ownerOf: () => 'integration',
  clock: systemClock,
  log: { info: () => {}, error: () => {} },
  inHand,
  ...(after ? { after } : {}),
});
