import type { SQLOutputValue } from 'node:sqlite';
import type { AuditAnchor, AuditKeys, AuditRecord } from '../audit-ports.ts';

type Row = Record<string, SQLOutputValue>;

/** Of `audit_record`, in the order of the table. */
export const COLUMNS =
  'sequence, at, body, hash, kind, action, outcome, subject, request, patient, fhir_user, client, token';

export function recordOf(row: Row | undefined): AuditRecord | undefined {
  if (!row) return undefined;
  return {
    sequence: Number(row['sequence']),
    at: Number(row['at']),
    body: String(row['body']),
    hash: hexOf(row['hash']),
    keys: {
      kind: row['kind'] as AuditKeys['kind'],
      action: row['action'] as AuditKeys['action'],
      outcome: row['outcome'] as AuditKeys['outcome'],
      subject: String(row['subject']),
      requestId: String(row['request']),
      patient: textOf(row['patient']),
      fhirUser: textOf(row['fhir_user']),
      client: textOf(row['client']),
      tokenId: textOf(row['token']),
    },
  };
}

function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function anchorOf(row: Row): AuditAnchor {
  return {
    sequence: Number(row['sequence']),
    hash: hexOf(row['hash']),
    count: Number(row['count']),
    from: Number(row['from_at']),
    to: Number(row['to_at']),
    at: Number(row['at']),
  };
}

export function hexOf(blob: SQLOutputValue | undefined): string {
  return Buffer.from(blob as Uint8Array).toString('hex');
}
