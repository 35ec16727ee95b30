import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Endpoint } from '../fhir/types.ts';
import type { ContractCheck } from '../strangler/gates/contract-check.ts';
import { HASH_KINDS } from '../strangler/gates/evidence-store.ts';
import type {
  EvidenceStore,
  HashKind,
  RunHashes,
  RunSaved,
  TrafficSaved,
} from '../strangler/gates/evidence-store.ts';
import type { GateReport } from '../strangler/gates/gate.ts';
import type { Waiver } from '../strangler/gates/waiver.ts';
import { transaction } from './database.ts';

type Row = Record<string, SQLOutputValue>;

const text = (row: Row, column: string): string => String(row[column]);

/** Evidence in the embedded database. */
export function createSqliteEvidenceStore(database: DatabaseSync): EvidenceStore {
  const saveRun = database.prepare(
    'INSERT INTO evidence_run (endpoint, run, body) VALUES (:endpoint, :run, :body) ON CONFLICT DO UPDATE SET body = excluded.body',
  );
  const addHash = database.prepare(
    'INSERT OR IGNORE INTO evidence_hash (endpoint, run, kind, hash) VALUES (:endpoint, :run, :kind, :hash)',
  );
  const saveTraffic = database.prepare(
    'INSERT INTO evidence_traffic (endpoint, body) VALUES (:endpoint, :body) ON CONFLICT DO UPDATE SET body = excluded.body',
  );
  const findRun = database.prepare('SELECT body FROM evidence_run WHERE endpoint = ? AND run = ?');
  const findHashes = database.prepare(
    'SELECT hash FROM evidence_hash WHERE endpoint = ? AND run = ? AND kind = ? ORDER BY hash',
  );
  const findRuns = database.prepare('SELECT run, body FROM evidence_run WHERE endpoint = ? ORDER BY run');
  const findTraffic = database.prepare('SELECT body FROM evidence_traffic WHERE endpoint = ?');
  const addWaiver = database.prepare('INSERT INTO gate_waiver (endpoint, body) VALUES (?, ?)');
  const findWaivers = database.prepare('SELECT body FROM gate_waiver WHERE endpoint = ? ORDER BY rowid');
  const addStep = database.prepare('INSERT INTO step_taken (endpoint, version, report) VALUES (?, ?, ?)');
  const findSteps = database.prepare(
    'SELECT version, report FROM step_taken WHERE endpoint = ? ORDER BY version',
  );
  const saveCheck = database.prepare('INSERT OR REPLACE INTO contract_check (backend, body) VALUES (?, ?)');
  const findCheck = database.prepare('SELECT body FROM contract_check WHERE backend = ?');

  function save(runs: readonly RunSaved[], traffic: readonly TrafficSaved[]): void {
    transaction(database, () => {
      for (const { endpoint, run, body, added } of runs) {
        saveRun.run({ endpoint, run, body });
        for (const kind of HASH_KINDS) {
          for (const hash of added[kind]) addHash.run({ endpoint, run, kind, hash });
        }
      }
      for (const { endpoint, body } of traffic) saveTraffic.run({ endpoint, body });
    });
  }

  function hashesOf(endpoint: Endpoint, run: number): RunHashes {
    const of = (kind: HashKind): readonly string[] =>
      findHashes.all(endpoint, run, kind).map((row) => text(row, 'hash'));
    return { patients: of('patients'), requests: of('requests'), replayed: of('replayed') };
  }

  return {
    async save(runs, traffic, durable) {
      if (durable) {
        save(runs, traffic);
        return;
      }
      // Written ahead, and on the disk with the next commit that waits for it. Nothing else runs in between.
      database.exec('PRAGMA synchronous = NORMAL');
      try {
        save(runs, traffic);
      } finally {
        database.exec('PRAGMA synchronous = FULL');
      }
    },
    async run(endpoint, run) {
      const row = findRun.get(endpoint, run);
      return row && { body: text(row, 'body'), hashes: hashesOf(endpoint, run) };
    },
    runs: async (endpoint) =>
      findRuns.all(endpoint).map((row) => ({ run: Number(row['run']), body: text(row, 'body') })),
    async traffic(endpoint) {
      const row = findTraffic.get(endpoint);
      return row && text(row, 'body');
    },
    async addWaiver(waiver) {
      addWaiver.run(waiver.endpoint, JSON.stringify(waiver));
    },
    waivers: async (endpoint) =>
      findWaivers.all(endpoint).map((row) => JSON.parse(text(row, 'body')) as Waiver),
    async addStep({ endpoint, version, report }) {
      addStep.run(endpoint, version, JSON.stringify(report));
    },
    steps: async (endpoint) =>
      findSteps.all(endpoint).map((row) => ({
        endpoint,
        version: Number(row['version']),
        report: JSON.parse(text(row, 'report')) as GateReport,
      })),
    async saveContractCheck(check) {
      saveCheck.run(check.backend, JSON.stringify(check));
    },
    async contractCheck(backend) {
      const row = findCheck.get(backend);
      return row && (JSON.parse(text(row, 'body')) as ContractCheck);
    },
  };
}
