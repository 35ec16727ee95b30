import { join } from 'node:path';

/** The file of the audit trail, under the folder of the embedded stores. */
export function auditFile(stateDir: string): string {
  return join(stateDir, 'audit.sqlite');
}
