import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Arrival } from '../feed-ports.ts';
import { createCommitter } from './inbox-committer.ts';
import { openInboxDatabase } from './inbox-schema.ts';
import { packReceipts, unpackArrivals } from './inbox-wire.ts';
import type { FromCommitter, ToCommitter } from './inbox-wire.ts';

/**
 * Entry of the committer's thread. Whatever has arrived while one transaction was synced goes into the next one; nothing waits for a timer. While a sync
 * runs, only this thread stands still.
 */
export interface CommitterData {
  readonly file: string;
  readonly owners: Readonly<Record<string, string>>;
  /** Most arrivals and bytes of one transaction. */
  readonly batch: { readonly messages: number; readonly bytes: number };
}

const { file, owners, batch } = workerData as CommitterData;
const port = parentPort!;
const database = openInboxDatabase(file);
const committer = createCommitter(database, owners);
let closing = false;
let filing: NodeJS.Timeout | undefined;

/** Longest that a safe message waits for more to be filed together with it, in milliseconds; and after a failure. */
const FILE_AFTER = 10;
const FILE_AGAIN_AFTER = 250;

function say(message: FromCommitter): void {
  port.postMessage(message, message.kind === 'safe' ? [message.receipts.buffer as ArrayBuffer] : []);
}

/** All that is queued, within the bounds of one transaction. */
function gather(first: ToCommitter): Arrival[] {
  const arrivals: Arrival[] = [];
  let size = 0;
  let next: ToCommitter | undefined = first;
  while (next !== undefined) {
    if (next === 'close') {
      closing = true;
      break;
    }
    size += next.bytes.byteLength;
    arrivals.push(...unpackArrivals(next));
    if (arrivals.length >= batch.messages || size >= batch.bytes) break;
    next = receiveMessageOnPort(port)?.message;
  }
  return arrivals;
}

/** What may be said of an error of the disk or the database: its code. */
function codeOf(error: unknown): string {
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  return typeof errcode === 'number' ? `SQLite ${errcode}` : typeof code === 'string' ? code : 'unknown';
}

/** What cannot be filed now is safe, and tried again; at the latest when the inbox is opened the next time. */
function fileNow(): void {
  filing = undefined;
  const before = committer.filed;
  try {
    committer.file();
  } catch {
    filing = setTimeout(fileNow, FILE_AGAIN_AFTER);
  }
  if (committer.filed > before) say({ kind: 'filed' });
}

port.on('message', (message: ToCommitter) => {
  const arrivals = gather(message);
  if (arrivals.length > 0) {
    try {
      const before = committer.filed;
      const receipts = packReceipts(committer.commit(arrivals));
      say({ kind: 'safe', receipts, filed: committer.filed > before });
    } catch (error) {
      say({ kind: 'failed', count: arrivals.length, code: codeOf(error) });
    }
  }
  if (closing) {
    clearTimeout(filing);
    fileNow();
    clearTimeout(filing);
    database.close();
    port.close();
  } else if (committer.unfiled > 0) filing ??= setTimeout(fileNow, FILE_AFTER);
});
say({ kind: 'open', sequences: committer.sequences() });
