import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Endpoint } from '../fhir/types.ts';
import type { DifferenceRule } from '../migration-ports.ts';
import type { RuleRecord, RuleStore } from '../strangler/experiment/rule-store.ts';

/** Rules that are forgotten when the process ends. */
export function createMemoryRuleStore(): RuleStore {
  const rules = new Map<string, RuleRecord>();
  return {
    load: async () => [...rules.values()],
    async add(rule) {
      if (rules.has(rule.id)) throw new Error('a rule of this id is there already');
      rules.set(rule.id, rule);
    },
    async remove(id, removed) {
      const rule = rules.get(id);
      if (!rule || rule.removed) return false;
      rules.set(id, { ...rule, removed });
      return true;
    },
  };
}

/** Rules in the embedded database. */
export function createSqliteRuleStore(database: DatabaseSync): RuleStore {
  const all = database.prepare('SELECT * FROM difference_rule ORDER BY rowid');
  const insert = database.prepare(
    `INSERT INTO difference_rule
       (id, endpoint, signature, verdict, owner, added_by, reason, created_at, expires_at)
     VALUES (:id, :endpoint, :signature, :verdict, :owner, :by, :reason, :createdAt, :expiresAt)`,
  );
  const remove = database.prepare(
    'UPDATE difference_rule SET removed = :removed WHERE id = :id AND removed IS NULL',
  );
  return {
    load: async () => all.all().map(ruleOf),
    async add({ id, endpoint, signature, verdict, owner, by, reason, createdAt, expiresAt }) {
      insert.run({ id, endpoint, signature, verdict, owner, by, reason, createdAt, expiresAt });
    },
    remove: async (id, removed) => Number(remove.run({ id, removed: JSON.stringify(removed) }).changes) === 1,
  };
}

function ruleOf(row: Record<string, SQLOutputValue>): RuleRecord {
  const text = (column: string): string => String(row[column]);
  return {
    id: text('id'),
    endpoint: text('endpoint') as Endpoint,
    signature: text('signature'),
    verdict: text('verdict') as DifferenceRule['verdict'],
    owner: text('owner'),
    by: text('added_by'),
    reason: text('reason'),
    createdAt: text('created_at'),
    expiresAt: text('expires_at'),
    ...(row['removed'] === null
      ? {}
      : { removed: JSON.parse(text('removed')) as NonNullable<RuleRecord['removed']> }),
  };
}
