import type { Command } from 'commander';
import { registerBreakGlass } from './security/break-glass.ts';
import { registerConsents } from './security/consents.ts';

/** `ficus security`: who broke the glass, and what patients consent to. */
export function registerSecurity(program: Command): void {
  const security = program
    .command('security')
    .description('what a privacy officer looks after: broken glasses and consents');
  registerBreakGlass(security);
  registerConsents(security);
}
