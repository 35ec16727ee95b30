import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Entry of the thread that moves what was committed from the log of the trail into its file, when it is told to. That waits for the disk: done by who
 * writes, every answer whose event is next would wait as long.
 */
export interface CheckpointData {
  readonly file: string;
}

export type ToCheckpoint = 'move' | 'close';

const port = parentPort!;
const { file } = workerData as CheckpointData;
const database = new DatabaseSync(file, { timeout: 1_000 });

port.on('message', (message: ToCheckpoint) => {
  if (message === 'close') {
    database.close();
    port.close();
    return;
  }
  // Nobody waits for the first, which moves nearly all of it; the second begins the log anew, and holds up who writes for the rest alone.
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  database.exec('PRAGMA wal_checkpoint(RESTART)');
});
