import type { AuditKind } from '../security-ports.ts';

/**
 * Who works at Ficus itself. None of them is all: whoever runs it decides nothing clinical and opens no patient data.
 */
export const ROLES = [
  'viewer',
  'integrator',
  'migration-lead',
  'clinical-owner',
  'privacy-officer',
  'admin',
] as const;

export type Role = (typeof ROLES)[number];

/** What a permission of the admin API is: in whose hands it is, and how its use is kept. */
export interface PermissionRow {
  readonly words: string;
  readonly roles: readonly Role[];
  /** How the audit calls its use. Absent: what changes something is `admin`, and what only shows is not kept. */
  readonly audit?: AuditKind;
  /** A decision that a person answers for: a program with a token of its own does not have it, whatever its roles. */
  readonly person?: true;
}

const RUNNING: readonly Role[] = ['integrator', 'migration-lead', 'admin'];

const TABLE = {
  'metrics.read': { words: 'reading the metrics', roles: ROLES },
  'migration.read': { words: 'reading routes, evidence and what is owed', roles: ROLES },
  'feed.read': { words: 'reading the state of the feed', roles: ROLES },
  // Ids say of which patients something is known.
  'followers.read': { words: 'reading events and refused copies', roles: [...RUNNING, 'privacy-officer'] },

  'migration.move': {
    words: 'moving an endpoint',
    roles: ['migration-lead', 'admin'],
    audit: 'route-change',
  },
  'migration.stop': {
    words: 'holding an endpoint, or taking it back',
    roles: [...RUNNING, 'clinical-owner'],
    audit: 'route-change',
  },
  'migration.note': {
    words: 'noting something of an endpoint',
    roles: [...RUNNING, 'clinical-owner', 'privacy-officer'],
    audit: 'route-change',
  },
  'migration.owners': {
    words: 'naming the owners of an endpoint',
    roles: ['migration-lead', 'admin'],
    audit: 'route-change',
  },
  'migration.waive': {
    words: 'waiving a gate',
    roles: ['migration-lead', 'clinical-owner'],
    audit: 'route-change',
    person: true,
  },
  'migration.retire': {
    words: 'retiring an endpoint',
    roles: ['migration-lead', 'clinical-owner'],
    audit: 'route-change',
    person: true,
  },
  'migration.test': { words: 'testing and comparing backends', roles: RUNNING },

  'differences.judge': {
    words: 'saying what a difference is',
    roles: ['integrator', 'migration-lead', 'clinical-owner'],
    person: true,
  },
  // Beside being named as the clinical owner of the endpoint: that name is set by others.
  'clinical.decide': {
    words: 'deciding what a difference means for patients',
    roles: ['clinical-owner'],
    person: true,
  },
  'samples.open': {
    words: 'opening a sealed sample',
    roles: ['integrator', 'clinical-owner'],
    audit: 'sample-opened',
    person: true,
  },

  'writes.operate': { words: 'bringing the sides up to date', roles: RUNNING },
  'writes.discard': {
    words: 'giving a write up',
    roles: ['migration-lead', 'clinical-owner', 'admin'],
    person: true,
  },

  'feed.operate': { words: 'processing messages again', roles: ['integrator', 'admin'] },
  'feed.discard': { words: 'giving a refused copy up', roles: RUNNING, person: true },
  'feed.review': {
    words: 'closing the review of an un-merge',
    roles: ['integrator', 'clinical-owner'],
    person: true,
  },
  'mappings.propose': {
    words: 'proposing and publishing a release of mappings',
    roles: ['integrator'],
    audit: 'mapping-change',
  },
  'mappings.sign': {
    words: 'signing a release of mappings off',
    roles: ['clinical-owner'],
    audit: 'mapping-change',
    person: true,
  },
  'mappings.revert': {
    words: 'taking a release of mappings back',
    roles: [...RUNNING, 'clinical-owner'],
    audit: 'mapping-change',
  },
  'messages.open': {
    words: 'opening a message of the feed',
    roles: ['integrator'],
    audit: 'message-opened',
    person: true,
  },

  'glass.read': {
    words: 'seeing who broke the glass',
    roles: ['privacy-officer'],
    audit: 'audit-read',
  },
  'glass.review': {
    words: 'reviewing a broken glass',
    roles: ['privacy-officer'],
    audit: 'break-glass-review',
    person: true,
  },
  'consents.read': { words: 'seeing consents', roles: ['privacy-officer'], audit: 'audit-read' },
  'consents.set': {
    words: 'setting a consent',
    roles: ['privacy-officer'],
    audit: 'consent-change',
    person: true,
  },
  'revocations.read': { words: 'seeing which tokens are revoked', roles: ['privacy-officer', 'admin'] },
  'alerts.read': { words: 'seeing alerts of tokens', roles: ['privacy-officer', 'admin'] },
  'alerts.acknowledge': {
    words: 'acknowledging an alert',
    roles: ['privacy-officer', 'admin'],
    person: true,
  },
  // In haste a program may do it, too.
  'tokens.revoke': { words: 'revoking tokens, and lifting that', roles: ['privacy-officer', 'admin'] },
} as const satisfies Readonly<Record<string, PermissionRow>>;

/** What an operation of contracts/admin-api.yaml needs: its `x-ficus-permission`. */
export type AdminPermission = keyof typeof TABLE;

/** Every permission of the admin API, and the roles that have it. What is not here nobody has. */
export const PERMISSIONS: Readonly<Record<AdminPermission, PermissionRow>> = TABLE;
