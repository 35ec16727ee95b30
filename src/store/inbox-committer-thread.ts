import { parentPort, workerData } from 'node:worker_threads';
import type { Arrival } from '../feed-ports.ts';
import { createCommitter } from './inbox-committer.ts';
import { journalOf, openJournalFile } from './inbox-journal.ts';
import type { Region } from './inbox-journal.ts';
import { openInboxDatabase } from './inbox-schema.ts';
import { packReceipts, unpackArrivals } from './inbox-wire.ts';
import type { FromCommitter, ToCommitter } from './inbox-wire.ts';

/**
 * Entry of the committer's thread. It files what is safe in the journal, and makes safe what the journal is not for.
 */
export interface CommitterData {
  readonly file: string;
  readonly owners: Readonly<Record<string, string>>;
  /** What the thread counts up while its event loop turns, in shared memory. */
  readonly beats: Int32Array;
}

const { file, owners, beats } = workerData as CommitterData;
const port = parentPort!;
const database = openInboxDatabase(file);
const journal = openJournalFile(journalOf(file));
const committer = createCommitter(database, owners, journal);

/** What is safe and not filed yet: as it was told, whatever came of it. */
let backlog: { readonly region: Region; readonly synced: boolean }[] = [];
let again: NodeJS.Timeout | undefined;

/** Milliseconds after which what could not be filed is tried again. */
const FILE_AGAIN_AFTER = 250;
/** Milliseconds between two beats. */
const BEAT_EVERY = 100;

const beating = setInterval(() => void Atomics.add(beats, 0, 1), BEAT_EVERY);

function say(message: FromCommitter): void {
  port.postMessage(message, message.kind === 'safe' ? [message.receipts.buffer as ArrayBuffer] : []);
}

/** What may be said of an error of the disk or the database: its code. */
function codeOf(error: unknown): string {
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  return typeof errcode === 'number' ? `SQLite ${errcode}` : typeof code === 'string' ? code : 'unknown';
}

function fileBacklog(): void {
  clearTimeout(again);
  again = undefined;
  const told = backlog;
  try {
    const count = committer.file(
      told.map(({ region }) => region),
      told.some(({ synced }) => synced),
    );
    backlog = [];
    for (const _ of told) say({ kind: 'filed', stored: count > 0 });
  } catch {
    // It is safe: at the latest it is filed when the inbox is opened the next time.
    again = setTimeout(fileBacklog, FILE_AGAIN_AFTER);
  }
}

/** Files all there is and these, synced. @throws what keeps it from being done */
function commit(arrivals: readonly Arrival[]): ReturnType<typeof committer.commit> {
  const done = committer.commit(
    backlog.map(({ region }) => region),
    arrivals,
  );
  backlog = [];
  clearTimeout(again);
  again = undefined;
  return done;
}

function erase(used: readonly Region[]): boolean {
  try {
    journal.erase(used);
    return true;
  } catch {
    return false;
  }
}

function follow(message: Exclude<ToCommitter, { kind: 'close' }>): void {
  backlog.push({ region: message.region, synced: message.kind === 'file' && message.synced });
  if (message.kind === 'file') {
    if (again === undefined) fileBacklog();
    return;
  }
  try {
    const arrivals = message.kind === 'commit' ? unpackArrivals(message.arrivals) : [];
    const { receipts, stored } = commit(arrivals);
    const { beginning } = committer;
    if (message.kind === 'commit')
      say({ kind: 'safe', receipts: packReceipts(receipts), beginning, stored: stored > 0 });
    else say({ kind: 'rested', beginning, erased: erase(message.used), stored: stored > 0 });
  } catch (error) {
    say({ kind: 'failed', code: codeOf(error) });
    again ??= setTimeout(fileBacklog, FILE_AGAIN_AFTER);
  }
}

port.on('message', (message: ToCommitter) => {
  if (message.kind !== 'close') {
    follow(message);
    return;
  }
  clearTimeout(again);
  clearInterval(beating);
  database.close();
  journal.close();
  port.close();
});
say({ kind: 'open', beginning: committer.beginning, sequences: committer.sequences() });
