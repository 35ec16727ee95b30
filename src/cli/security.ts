import type { Command } from 'commander';
import { registerAlerts } from './security/alerts.ts';
import { registerBreakGlass } from './security/break-glass.ts';
import { registerConsents } from './security/consents.ts';
import { registerRevocations } from './security/revocations.ts';

/**
 * `ficus security`: which tokens are used strangely, who broke the glass, what patients consent to, and which tokens
 * are refused.
 */
export function registerSecurity(program: Command): void {
  const security = program
    .command('security')
    .description('what a privacy officer looks after: alerts, broken glasses, consents and revoked tokens');
  registerAlerts(security);
  registerBreakGlass(security);
  registerConsents(security);
  registerRevocations(security);
}
