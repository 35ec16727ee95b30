import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createAuditIndexer } from '../../store/sqlite-audit-names.ts';

/**
 * Entry of the thread that looks after the file of the trail when it is told to: it indexes what was added, and moves
 * what was committed from the log into the file, which waits for the disk. Done by who writes, every answer whose event
 * is next would wait as long.
 */
export interface UpkeepData {
  readonly file: string;
}

export type ToUpkeep = 'look' | 'close';

const port = parentPort!;
const { file } = workerData as UpkeepData;
/** In which whoever writes the trail has it to himself. */
const PAUSE_MS = 3;
const database = new DatabaseSync(file, { timeout: 1_000 });
// An index that is lost with the power is made anew; the log is moved below, for all of it at once.
database.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
const indexer = createAuditIndexer(database);
let looking: Promise<void> | undefined;
let closing = false;

async function look(): Promise<void> {
  for (const _step of indexer.index()) {
    await setTimeout(PAUSE_MS);
    if (closing) return;
  }
  // Nobody waits for the first, which moves nearly all of it; the second begins the log anew, and holds up who writes
  // for the rest alone.
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  database.exec('PRAGMA wal_checkpoint(RESTART)');
}

async function close(): Promise<void> {
  closing = true;
  await looking;
  database.close();
  port.close();
}

port.on('message', (message: ToUpkeep) => {
  if (message === 'close') void close();
  else looking ??= look().finally(() => (looking = undefined));
});
