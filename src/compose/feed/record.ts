import type { DatabaseSync } from 'node:sqlite';
import { createProjectionLog } from '../../projection/event-log.ts';
import type { ProjectionLog } from '../../projection-ports.ts';
import { PROJECTION_MIGRATIONS } from '../../projection/schema.ts';
import { createReading } from '../../projection/search/reading.ts';
import type { Reading } from '../../projection/search/reading.ts';
import { openDatabase } from '../../store/database.ts';

/** What the feed has told, for those who read it: opened when it is first asked for. */
export interface FeedRecord {
  readonly reading: () => Reading;
  readonly log: () => ProjectionLog;
  /** How old what it says may be, in seconds; undefined: nothing was ever told. Set by the feed when there is one. */
  age: () => number | undefined;
  close(): void;
}

/** @param file path of the projection, or `:memory:` */
export function createFeedRecord(file: string): FeedRecord {
  let database: DatabaseSync | undefined;
  const open = (): DatabaseSync => (database ??= openDatabase(file, PROJECTION_MIGRATIONS));
  let reading: Reading | undefined;
  let log: ProjectionLog | undefined;
  return {
    reading: () => (reading ??= createReading(open())),
    log: () => (log ??= createProjectionLog(open())),
    age: () => undefined,
    close: () => database?.close(),
  };
}
