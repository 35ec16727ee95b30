import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { dayOf, hanging } from '../text.ts';
import { aNumber, needed, signed } from './command.ts';
import type { SignedOptions } from './command.ts';

export interface RuleView {
  readonly id: string;
  readonly endpoint: string;
  readonly signature: string;
  readonly verdict: string;
  readonly owner: string;
  readonly by: string;
  readonly reason: string;
  readonly expiresAt: string;
}

interface AddOptions extends SignedOptions {
  readonly verdict: string;
  readonly owner: string;
  readonly days: number;
}

/** Rules for a terminal: what of which endpoint, and under each who says so until when. */
export function formatRules(rules: readonly RuleView[], of?: string): string {
  if (rules.length === 0) return of === undefined ? 'There are no rules.' : `There are no rules for ${of}.`;
  return rules
    .map(({ id, endpoint, signature, verdict, owner, by, reason, expiresAt }) =>
      [
        hanging('', `${endpoint}: ${signature}`),
        hanging('    ', `${verdict}, owner ${owner}, until ${dayOf(expiresAt)}; by ${by}: ${reason}`),
        `    rule ${id}`,
      ].join('\n'),
    )
    .join('\n');
}

/** `ficus migrate rule add|list|remove`. */
export function registerRules(migrate: Command): void {
  const rule = migrate.command('rule').description('known differences: accepted, or somebody’s bug');
  signed(rule.command('add <endpoint> <difference>'))
    .description('say what a difference is, named as `diffs` does; `*` in it stands for any characters')
    .addOption(
      needed('--verdict <verdict>', 'what it is').choices(['acceptable', 'bug-in-modern', 'bug-in-legacy']),
    )
    .addOption(needed('--owner <name>', 'who answers for it'))
    .option('--days <number>', 'life of the rule', aNumber, 30)
    .action(async (endpoint: string, signature: string, options: AddOptions) => {
      const { admin, by, reason, verdict, owner, days } = options;
      const body = { endpoint, signature, verdict, owner, by, reason, days };
      const made = await askAdmin<RuleView>(admin, '/migration/rules', { method: 'POST', body });
      console.log(`${made.signature} is ${made.verdict} until ${dayOf(made.expiresAt)} (rule ${made.id})`);
    });
  withAdmin(rule.command('list [endpoint]', { isDefault: true }))
    .description('all rules, or those of an endpoint')
    .action(async (endpoint: string | undefined, { admin }: AdminOption) => {
      const query = endpoint === undefined ? '' : `?${new URLSearchParams({ endpoint }).toString()}`;
      const { rules } = await askAdmin<{ rules: RuleView[] }>(admin, `/migration/rules${query}`);
      console.log(formatRules(rules, endpoint));
    });
  signed(rule.command('remove <id>'))
    .description('take a rule back')
    .action(async (id: string, { admin, by, reason }: SignedOptions) => {
      const path = `/migration/rules/${encodeURIComponent(id)}`;
      await askAdmin(admin, path, { method: 'DELETE', body: { by, reason } });
      console.log(`Rule ${id} is taken back.`);
    });
}
