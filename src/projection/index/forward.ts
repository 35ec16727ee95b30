import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { RESOURCE_TYPES } from '../../fhir/elements.ts';
import type { Records } from '../records.ts';
import { indexedParameters, type IndexedNames } from './parameters.ts';
import type { RowContext } from './rows.ts';

/** Counts the ways in which rows were made of resources: to be raised whenever another one is taken. */
const INDEX_VERSION = 1;

/**
 * Writes the index anew when it was made in another way: by an earlier Ficus, for other parameters, for another zone or
 * base address. Rows are deleted by what the resource said before: they must be those that the present way would have
 * made.
 */
export function bringIndexForward(
  database: DatabaseSync,
  records: Pick<Records, 'reindex' | 'forget'>,
  { indexed, zone, base }: RowContext & { readonly indexed: IndexedNames },
): void {
  const find = database.prepare("SELECT value FROM setting WHERE name = 'index'");
  const keep = database.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('index', ?)");
  const parameters = RESOURCE_TYPES.map((type) => [
    type,
    indexedParameters(type, indexed).map(({ code }) => code),
  ]);
  const made = hash('sha256', JSON.stringify([INDEX_VERSION, zone.name, base ?? null, parameters]), 'hex');
  const before = find.get()?.['value'];
  if (before === made) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    if (before !== undefined) records.reindex();
    keep.run(made);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    records.forget();
    throw error;
  }
}
