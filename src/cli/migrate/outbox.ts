import { Option } from 'commander';
import type { Command } from 'commander';
import type { OutboxLedger } from '../../events/ledger.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, many, momentOf } from '../text.ts';
import { signed } from './command.ts';
import type { SignedOptions } from './command.ts';

export interface OwedView {
  readonly id: string;
  readonly endpoint: string;
  readonly resourceId?: string;
  readonly from: string;
  readonly toward: string;
  readonly state: string;
  readonly attempts: number;
  readonly acceptedAt: string;
  readonly lastError?: string;
  readonly owner?: string;
}

/** Entries that are shown; the admin API has all. */
const SHOWN = 20;

const STATES: Readonly<Record<string, string>> = {
  intended: 'being written',
  doubtful: 'whether it was done is asked',
  pending: 'to be delivered',
  dead: 'DEAD, waits for a decision',
};

function formatOwed(entry: OwedView): string {
  const { id, endpoint, resourceId, from, toward, state, attempts, acceptedAt, lastError, owner } = entry;
  const words = [
    `${from} -> ${toward}`,
    STATES[state] ?? state,
    ...(attempts > 0 ? [many(attempts, 'failed attempt')] : []),
    ...(owner === undefined ? [] : [`owner ${owner}`]),
  ];
  return [
    `${momentOf(acceptedAt)}  ${endpoint}${resourceId === undefined ? '' : `  ${resourceId}`}`,
    hanging('    ', words.join('; ')),
    ...(lastError === undefined ? [] : [hanging('    ', lastError)]),
    `    entry ${id}`,
  ].join('\n');
}

/** The balance of all writes that there ever were. */
export function formatLedger(ledger: OutboxLedger): string {
  const { accepted, repaired, delivered, superseded, discarded, refused, balanced } = ledger;
  const { pending, dead, intended, doubtful, unanswered, leftOut } = ledger;
  const ends = `${delivered} delivered, ${superseded} superseded by a newer state, ${discarded} given up, ${pending} to be delivered, ${dead} dead`;
  const open = intended + doubtful + unanswered;
  const lost = Object.entries(leftOut).map(([path, count]) => `${path} (${count})`);
  return [
    `${accepted} accepted + ${repaired} repaired = ${ends}.`,
    ...(balanced ? [] : ['THE TWO SIDES OF THIS SUM DIFFER: keep the state directory and ask for help.']),
    `${refused} refused (their clients were told)${open === 0 ? '' : `; ${intended} being written, ${doubtful} asked after, ${unanswered} that nobody could answer`}.`,
    ...(lost.length === 0 ? [] : [`Elements that the other side has no place for: ${lost.join(', ')}.`]),
  ]
    .map((line) => hanging('', line))
    .join('\n');
}

/** What is owed, the first of it, and the balance. */
export function formatOutbox(entries: readonly OwedView[], ledger: OutboxLedger): string {
  const rest = entries.length - SHOWN;
  const dead = entries.some(({ state }) => state === 'dead');
  return [
    ...(entries.length === 0 ? ['Nothing is owed to either side.'] : entries.slice(0, SHOWN).map(formatOwed)),
    ...(rest > 0 ? [`... and ${rest} more (--side, --state; all of them: --json).`] : []),
    ...(dead ? ['Decide on a dead one: ficus migrate outbox retry ENTRY, or discard ENTRY.'] : []),
    '',
    formatLedger(ledger),
  ].join('\n');
}

/** `ficus migrate outbox list|retry|discard`. */
export function registerOutbox(migrate: Command): void {
  const outbox = migrate.command('outbox').description('writes that the other side has not seen');
  withAdmin(outbox.command('list', { isDefault: true }))
    .description('what is owed, and to whom')
    .addOption(new Option('--side <side>', 'the side that is owed').choices(['legacy', 'modern']))
    .addOption(
      new Option('--state <state>', 'only these').choices(['intended', 'doubtful', 'pending', 'dead']),
    )
    .option('--json', 'as JSON')
    .action(async (options: AdminOption & { side?: string; state?: string; json?: true }) => {
      const { admin, side, state, json } = options;
      const query = new URLSearchParams({ ...(side ? { side } : {}), ...(state ? { state } : {}) });
      const path = `/migration/outbox?${query.toString()}`;
      const answer = await askAdmin<{ entries: OwedView[]; ledger: OutboxLedger }>(admin, path);
      console.log(json ? JSON.stringify(answer, null, 2) : formatOutbox(answer.entries, answer.ledger));
    });
  for (const [name, words] of [
    ['retry', 'try a dead entry again'],
    ['discard', 'give a dead entry up: the other side never sees that write'],
  ] as const) {
    signed(outbox.command(`${name} <entry>`))
      .description(words)
      .action(async (id: string, { admin, by, reason }: SignedOptions) => {
        const path = `/migration/outbox/${encodeURIComponent(id)}/${name}`;
        await askAdmin(admin, path, { method: 'POST', body: { by, reason } });
        console.log(`${id}: ${name === 'retry' ? 'will be tried again' : 'given up'}`);
      });
  }
}
