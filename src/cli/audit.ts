import type { Command } from 'commander';
import { registerAuditDisclosures } from './audit/disclosures.ts';
import { registerAuditTrail } from './audit/trail.ts';
import { registerAuditVerify } from './audit/verify.ts';

/** `ficus audit`: what was recorded of who did what. */
export function registerAudit(program: Command): void {
  const audit = program
    .command('audit')
    .description(
      'the audit trail: whether it is whole, whom a token, a request or a patient leads to, and to whom data was given',
    );
  registerAuditVerify(audit);
  registerAuditTrail(audit);
  registerAuditDisclosures(audit);
}
