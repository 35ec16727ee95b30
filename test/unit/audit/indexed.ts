import { DatabaseSync } from 'node:sqlite';
import { createAuditIndexer } from '../../../src/store/sqlite-audit-names.ts';

/** Indexes what is in the file of a trail, all of it unless another length of runs is given. @returns how many steps it took */
export function indexTrail(file: string, run = { least: 1, most: 1_000 }): number {
  const database = new DatabaseSync(file);
  try {
    return [...createAuditIndexer(database, run).index()].length;
  } finally {
    database.close();
  }
}
