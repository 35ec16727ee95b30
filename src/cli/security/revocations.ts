import type { Command } from 'commander';
import type { Revocation } from '../../privacy-ports.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, momentOf } from '../text.ts';

interface Answer {
  readonly enforced: boolean;
}

interface RevokeOptions extends AdminOption {
  readonly tokenId?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly reason: string;
  readonly by?: string;
  readonly json?: true;
}

/** A JWT (RFC 7519 §3), whose header is an object. */
const TOKEN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;
const NOT_ENFORCED = 'Security is open: there are no tokens, and this binds nobody.';
const PATH = '/security/revocations';

/** One revocation: which tokens, why, and whether it holds. */
export function formatRevocation(revocation: Revocation): string {
  const { id, tokenId, subject, client, reason, by, at, until, lifted } = revocation;
  const whose = [
    ...(subject === undefined ? [] : [`subject ${subject}`]),
    ...(client === undefined ? [] : [`application ${client}`]),
  ].join(' with ');
  return [
    `${id}  ${tokenId === undefined ? `what ${whose} had by ${momentOf(at)}` : `token ${tokenId}`}`,
    hanging('    ', `revoked by ${by} at ${momentOf(at)}, kept until ${momentOf(until)}: ${reason}`),
    ...(lifted
      ? [hanging('    ', `lifted by ${lifted.by} at ${momentOf(lifted.at)}: ${lifted.reason}`)]
      : []),
  ].join('\n');
}

function showOne(answer: Answer & { readonly revocation: Revocation }, json: true | undefined): void {
  if (json) console.log(JSON.stringify(answer, null, 2));
  else show({ enforced: answer.enforced, revocations: [answer.revocation] });
}

function show({ enforced, revocations }: Answer & { readonly revocations: readonly Revocation[] }): void {
  for (const one of revocations) console.log(formatRevocation(one));
  if (revocations.length === 0) console.log('There are none.');
  if (!enforced) console.log(NOT_ENFORCED);
}

/** `ficus security revoke|revocations|lift`. */
export function registerRevocations(security: Command): void {
  withAdmin(security.command('revoke'))
    .description('refuse a token from now on, or all that a subject or an application has by now')
    .option('--token-id <id>', 'id of the token (jti), as the audit trail has it; never the token itself')
    .option('--subject <id>', 'every token of a subject, with --client of that application')
    .option('--client <id>', 'every token of an application')
    .requiredOption('--reason <text>', 'why')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .option('--json', 'as JSON')
    .action(async ({ admin, tokenId, subject, client, reason, by, json }: RevokeOptions) => {
      if (tokenId !== undefined && TOKEN.test(tokenId))
        throw new Error(
          'This is a token, and --token-id takes its id (jti): `ficus audit trail --patient ID` shows which there are.',
        );
      const named = { tokenId, subject, client, reason, by };
      const body = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
      showOne(await askAdmin(admin, PATH, { method: 'POST', body }), json);
    });
  withAdmin(security.command('revocations'))
    .description('which tokens are refused here')
    .option('--json', 'as JSON')
    .action(async ({ admin, json }: AdminOption & { json?: true }) => {
      const found = await askAdmin<Answer & { revocations: Revocation[] }>(admin, PATH);
      if (json) console.log(JSON.stringify(found, null, 2));
      else show(found);
    });
  withAdmin(security.command('lift <revocation>'))
    .description('take a revocation back')
    .requiredOption('--reason <text>', 'why')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .option('--json', 'as JSON')
    .action(async (id: string, options: AdminOption & { reason: string; by?: string; json?: true }) => {
      const { admin, reason, by, json } = options;
      const body = { reason, ...(by === undefined ? {} : { by }) };
      const path = `${PATH}/${encodeURIComponent(id)}/lift`;
      showOne(await askAdmin(admin, path, { method: 'POST', body }), json);
    });
}
