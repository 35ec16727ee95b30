import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** How long a predecessor may take to let go, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * Takes the state folder for this process alone: two on one folder would apply each message, and bring each write,
 * twice. The system lets go of it when the process ends, however it ends.
 *
 * @param dir a folder that is there
 * @returns lets go
 * @throws Error when another process has it
 */
export function lockState(dir: string): () => void {
  const database = new DatabaseSync(resolve(dir, 'lock.sqlite'), { timeout: PATIENCE_MS });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new Error(
      `Another Ficus runs on ${dir}. One state folder serves one process; give this one another stateDir.`,
      { cause },
    );
  }
  return () => database.close();
}
