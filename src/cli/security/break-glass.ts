import { Option } from 'commander';
import type { Command } from 'commander';
import type { GlassCase } from '../../privacy-ports.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, many, momentOf } from '../text.ts';

interface Json {
  readonly json?: true;
}

/** One case: whose data, who, why, and what was said of it. */
function formatCase(found: GlassCase): string {
  const {
    id,
    patient,
    subject,
    client,
    fhirUser,
    tokenId,
    reasons,
    requests,
    actions,
    firstAt,
    lastAt,
    review,
  } = found;
  const who = [subject, fhirUser, ...(client === undefined ? [] : [`by ${client}`])]
    .filter(Boolean)
    .join(', ');
  const [first, last] = [momentOf(firstAt), momentOf(lastAt)];
  const when = first === last ? first : `${first} to ${last}`;
  return [
    `${id}  ${patient === undefined ? 'nobody was found' : `Patient/${patient}`}`,
    hanging('    ', `${who}; token ${tokenId}`),
    hanging('    ', `${many(requests, 'request')}, ${when}: ${actions.join(', ')}`),
    ...reasons.map((reason) => hanging('    ', `"${reason}"`)),
    review
      ? hanging('    ', `${review.verdict}, says ${review.by} (${momentOf(review.at)}): ${review.note}`)
      : '    waits for somebody to review it',
  ].join('\n');
}

const show = (found: GlassCase, json: true | undefined): void =>
  console.log(json ? JSON.stringify(found, null, 2) : formatCase(found));

/** `ficus security break-glass list|show|review`. */
export function registerBreakGlass(security: Command): void {
  const glass = security.command('break-glass').description('what was done under a broken glass');
  withAdmin(glass.command('list', { isDefault: true }))
    .description('cases that nobody has reviewed, newest first')
    .option('--all', 'those that somebody has reviewed too')
    .option('--limit <number>', 'so many at most', '50')
    .option('--json', 'as JSON')
    .action(async ({ admin, all, limit, json }: AdminOption & Json & { all?: true; limit: string }) => {
      const query = new URLSearchParams({ limit, ...(all ? {} : { reviewed: 'false' }) });
      const { cases } = await askAdmin<{ cases: GlassCase[] }>(
        admin,
        `/security/break-glass?${query.toString()}`,
      );
      if (json) console.log(JSON.stringify(cases, null, 2));
      else console.log(cases.length === 0 ? 'There are none.' : cases.map(formatCase).join('\n'));
    });
  withAdmin(glass.command('show <case>'))
    .description('one case')
    .option('--json', 'as JSON')
    .action(async (id: string, { admin, json }: AdminOption & Json) =>
      show(await askAdmin<GlassCase>(admin, pathOf(id)), json),
    );
  withAdmin(glass.command('review <case>'))
    .description('say whether a glass was rightly broken; final, and never by whoever broke it')
    .addOption(
      new Option('--verdict <verdict>', 'what it was')
        .choices(['justified', 'unjustified'])
        .makeOptionMandatory(),
    )
    .requiredOption('--note <text>', 'why')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .option('--json', 'as JSON')
    .action(
      async (id: string, options: AdminOption & Json & { verdict: string; note: string; by?: string }) => {
        const { admin, json, verdict, note, by } = options;
        const body = { verdict, note, ...(by === undefined ? {} : { by }) };
        show(await askAdmin<GlassCase>(admin, `${pathOf(id)}/review`, { method: 'POST', body }), json);
      },
    );
}

const pathOf = (id: string): string => `/security/break-glass/${encodeURIComponent(id)}`;
