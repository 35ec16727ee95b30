import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { parseJson, stringifyJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { ConsentStore, KeptConsent } from '../privacy-ports.ts';

/** Consents in the embedded database (PRIVACY_MIGRATIONS). */
export function createSqliteConsentStore(database: DatabaseSync): ConsentStore {
  const newest = database.prepare(
    `SELECT * FROM consent_version AS one
     WHERE version = (SELECT MAX(version) FROM consent_version WHERE id = one.id) ORDER BY id`,
  );
  const versions = database.prepare('SELECT * FROM consent_version WHERE id = ? ORDER BY version');
  const insert = database.prepare(
    `INSERT INTO consent_version (id, version, patient, resource, set_by, set_at)
     SELECT :id, :version, :patient, :resource, :by, :at
     WHERE :version = 1 + COALESCE((SELECT MAX(version) FROM consent_version WHERE id = :id), 0)`,
  );
  return {
    load: async () => newest.all().map(consentOf),
    async append({ id, version, patient, resource, by, at }) {
      return insert.run({ id, version, patient, resource: stringifyJson(resource), by, at }).changes === 1;
    },
    history: async (id) => versions.all(id).map(consentOf),
  };
}

function consentOf(row: Record<string, SQLOutputValue>): KeptConsent {
  return {
    id: String(row['id']),
    version: Number(row['version']),
    patient: String(row['patient']),
    resource: parseJson(String(row['resource'])) as Resource,
    by: String(row['set_by']),
    at: String(row['set_at']),
  };
}
