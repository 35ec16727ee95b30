import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder for state, and those above it, where they are missing: readable by this user only.
 *
 * @param dir absolute path
 * @throws Error when it cannot be made or written to, with what to do
 */
export function makeStateDir(dir: string): void {
  try {
    makeFolder(dir, 0o700);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new Error(
      `stateDir: ${dir} is no folder that can be written (${reason}). Name one that this user may write, and that is kept.`,
      { cause },
    );
  }
}

/**
 * Makes a folder, and those above it, where they are missing. Folder by folder, because Node's own recursive way never
 * ends where a file system refuses a folder as if the one above it were missing (/proc).
 *
 * @param dir absolute path
 * @param mode default: what the user's mask leaves
 * @throws Error of the file system
 */
export function makeFolder(dir: string, mode = 0o777): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(dir);
  if (parent !== dir) makeFolder(parent, mode);
  mkdirSync(dir, { mode });
}
