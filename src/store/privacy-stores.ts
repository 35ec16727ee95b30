import { randomUUID } from 'node:crypto';
import type {
  AlertStore,
  ConsentStore,
  GlassCase,
  GlassCaseStore,
  KeptConsent,
  Revocation,
  RevocationStore,
  SecurityAlert,
} from '../privacy-ports.ts';
import { openDatabase } from './database.ts';
import { added, opened } from './glass-case.ts';
import { createSqliteAlertStore } from './sqlite-alerts.ts';
import { createSqliteConsentStore } from './sqlite-consents.ts';
import { createSqliteGlassCaseStore } from './sqlite-glass-cases.ts';
import { createSqliteRevocationStore } from './sqlite-revocations.ts';

/** Schema of privacy.sqlite, one entry a version. Entries are only ever added. */
const PRIVACY_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE consent_version (
    id       TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    patient  TEXT    NOT NULL,
    resource TEXT    NOT NULL,
    set_by   TEXT    NOT NULL,
    set_at   TEXT    NOT NULL,
    PRIMARY KEY (id, version)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER consent_version_is_append_only BEFORE UPDATE ON consent_version
    BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;
  CREATE TRIGGER consent_version_is_kept BEFORE DELETE ON consent_version
    BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;

  CREATE TABLE glass_case (
    id       TEXT NOT NULL UNIQUE,
    token_id TEXT NOT NULL,
    patient  TEXT NOT NULL,
    last_at  TEXT NOT NULL,
    body     TEXT NOT NULL,
    review   TEXT
  ) STRICT;
  CREATE UNIQUE INDEX glass_case_open ON glass_case (token_id, patient) WHERE review IS NULL;
  CREATE TRIGGER glass_case_is_kept BEFORE DELETE ON glass_case
    BEGIN SELECT RAISE(ABORT, 'a broken glass is not forgotten'); END;
  CREATE TRIGGER glass_review_is_final BEFORE UPDATE ON glass_case WHEN OLD.review IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a review is final'); END;
  `,
  `
  CREATE TABLE revocation (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    token_id TEXT,
    subject  TEXT,
    client   TEXT,
    reason   TEXT NOT NULL,
    set_by   TEXT NOT NULL,
    set_at   TEXT NOT NULL,
    until    TEXT NOT NULL,
    lifted   TEXT
  ) STRICT;
  CREATE TRIGGER revocation_is_kept BEFORE DELETE ON revocation
    BEGIN SELECT RAISE(ABORT, 'a revocation is not forgotten'); END;
  CREATE TRIGGER lifted_revocation_is_final BEFORE UPDATE ON revocation WHEN OLD.lifted IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'what was lifted stays so'); END;
  `,
  `
  CREATE TABLE security_alert (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    watched      TEXT NOT NULL,
    body         TEXT NOT NULL,
    acknowledged TEXT
  ) STRICT;
  CREATE UNIQUE INDEX security_alert_open ON security_alert (watched) WHERE acknowledged IS NULL;
  CREATE TRIGGER security_alert_is_kept BEFORE DELETE ON security_alert
    BEGIN SELECT RAISE(ABORT, 'an alert is not forgotten'); END;
  CREATE TRIGGER acknowledged_alert_is_final BEFORE UPDATE ON security_alert WHEN OLD.acknowledged IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'an alert that was acknowledged stays as it was'); END;
  `,
];

/** What is kept of consents, broken glasses, revoked tokens and alerts. */
export interface PrivacyStores {
  readonly consents: ConsentStore;
  readonly glassCases: GlassCaseStore;
  readonly revocations: RevocationStore;
  readonly alerts: AlertStore;
  close(): void;
}

/** @param file path, or `:memory:` @throws Error when the file cannot be opened */
export function openPrivacyStores(file: string): PrivacyStores {
  const database = openDatabase(file, PRIVACY_MIGRATIONS);
  return {
    consents: createSqliteConsentStore(database),
    glassCases: createSqliteGlassCaseStore(database),
    revocations: createSqliteRevocationStore(database),
    alerts: createSqliteAlertStore(database),
    close: () => database.close(),
  };
}

/** The same, forgotten with the process. */
export function createMemoryPrivacyStores(): PrivacyStores {
  return {
    consents: createMemoryConsentStore(),
    glassCases: createMemoryGlassCaseStore(),
    revocations: createMemoryRevocationStore(),
    alerts: createMemoryAlertStore(),
    close: () => {},
  };
}

function createMemoryConsentStore(): ConsentStore {
  const consents = new Map<string, KeptConsent[]>();
  return {
    load: async () =>
      [...consents.values()]
        .flatMap((versions) => versions.slice(-1))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    history: async (id) => [...(consents.get(id) ?? [])],
    async append(consent) {
      const versions = consents.get(consent.id) ?? [];
      if (consent.version !== versions.length + 1) return false;
      consents.set(consent.id, [...versions, consent]);
      return true;
    },
  };
}

function createMemoryGlassCaseStore(): GlassCaseStore {
  const cases = new Map<string, GlassCase>();
  return {
    async record(uses) {
      for (const use of uses) {
        const known = [...cases.values()].find(
          (one) => one.tokenId === use.tokenId && one.patient === use.patient && !one.review,
        );
        const now = known ? added(known, use) : opened(randomUUID(), use);
        cases.delete(now.id);
        cases.set(now.id, now);
      }
    },
    list: async ({ reviewed, limit }) =>
      [...cases.values()]
        .toReversed()
        .filter((one) => reviewed === undefined || (one.review !== undefined) === reviewed)
        .toSorted((a, b) => (a.lastAt < b.lastAt ? 1 : a.lastAt > b.lastAt ? -1 : 0))
        .slice(0, limit),
    find: async (id) => cases.get(id),
    async review(id, review) {
      const known = cases.get(id);
      if (!known || known.review) return false;
      cases.set(id, { ...known, review });
      return true;
    },
  };
}

function createMemoryRevocationStore(): RevocationStore {
  const revocations = new Map<string, Revocation>();
  return {
    load: async (after) => [...revocations.values()].filter(({ until }) => until > after),
    add: async (revocation) => void revocations.set(revocation.id, revocation),
    async lift(id, lifted) {
      const known = revocations.get(id);
      if (!known || known.lifted) return false;
      revocations.set(id, { ...known, lifted });
      return true;
    },
  };
}

function createMemoryAlertStore(): AlertStore {
  const alerts = new Map<string, SecurityAlert>();
  const openOnes = (): SecurityAlert[] => [...alerts.values()].filter(({ acknowledged }) => !acknowledged);
  return {
    async keep(alert) {
      if (!alerts.get(alert.id)?.acknowledged) alerts.set(alert.id, alert);
    },
    openOf: async (watched) => openOnes().find((one) => one.watched === watched),
    list: async ({ acknowledged, limit }) =>
      [...alerts.values()]
        .toReversed()
        .filter((one) => acknowledged === undefined || (one.acknowledged !== undefined) === acknowledged)
        .slice(0, limit),
    open: () => openOnes().length,
    find: async (id) => alerts.get(id),
    async acknowledge(id, acknowledgement) {
      const known = alerts.get(id);
      if (!known || known.acknowledged) return false;
      alerts.set(id, { ...known, acknowledged: acknowledgement });
      return true;
    },
  };
}
