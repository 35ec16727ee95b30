import type { Command } from 'commander';
import { registerBreakGlass } from './security/break-glass.ts';
import { registerConsents } from './security/consents.ts';
import { registerRevocations } from './security/revocations.ts';

/** `ficus security`: who broke the glass, what patients consent to, and which tokens are refused. */
export function registerSecurity(program: Command): void {
  const security = program
    .command('security')
    .description('what a privacy officer looks after: broken glasses, consents and revoked tokens');
  registerBreakGlass(security);
  registerConsents(security);
  registerRevocations(security);
}
