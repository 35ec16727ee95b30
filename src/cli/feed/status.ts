import type { Command } from 'commander';
import type { FeedCounts } from '../../feed-ports.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { formatCopy } from './copy-view.ts';
import type { CopyView } from './copy-view.ts';
import { durationOf, formatTable, hanging, many } from '../text.ts';

/** What came to an interface since its thread was started, and is no message that could be kept. */
interface Dropped {
  readonly messages: number;
  readonly bytes: number;
  readonly connections: number;
  readonly handshakes: number;
}

interface SubscriberView {
  readonly name: string;
  readonly topic: string;
  readonly told: number;
  readonly last: number;
  readonly trouble?: string;
  readonly troubleSeconds?: number;
}

interface AnswersView {
  readonly interface: string;
  readonly told: number;
  readonly lost: number;
  readonly owed: number;
  readonly dead: number;
  readonly oldestSeconds?: number;
  readonly trouble?: string;
}

export interface StatusView {
  readonly interfaces: readonly {
    readonly name: string;
    readonly port?: number;
    readonly connections: number;
    readonly dropped: Dropped;
    readonly counts: FeedCounts;
    readonly conserved: boolean;
  }[];
  readonly parked: readonly { readonly interface: string; readonly reason: string; readonly count: number }[];
  readonly oldestWaitingSeconds?: number;
  readonly oldestParkedSeconds?: number;
  readonly held: boolean;
  readonly answers: readonly AnswersView[];
  readonly copies: readonly CopyView[];
  readonly subscribers: readonly SubscriberView[];
  readonly trouble?: string;
  readonly health: { readonly ok: boolean; readonly problems: readonly string[] };
}

const TERMS = ['received', 'waiting', 'processed', 'duplicate', 'superseded', 'parked', 'rejected'] as const;

/** The counts of every interface, what is parked and why, and whether the sums are right. */
export function formatStatus(status: StatusView): string {
  const { interfaces, parked, oldestWaitingSeconds, oldestParkedSeconds, held, health } = status;
  const { answers, copies, subscribers } = status;
  const rows = interfaces.map(({ name, port, connections, counts }) => [
    name,
    port === undefined ? '-' : String(port),
    String(connections),
    ...TERMS.map((term) => String(counts[term])),
  ]);
  const reasons = parked.map(({ interface: name, reason, count }) => `${count} ${reason} (${name})`);
  const conserved = interfaces.every((one) => one.conserved);
  const age = (seconds: number | undefined): string =>
    seconds === undefined ? '' : ` The oldest is ${durationOf(seconds * 1_000)} old.`;
  const waiting = interfaces.reduce((sum, { counts }) => sum + counts.waiting, 0);
  return [
    formatTable([['interface', 'port', 'connections', ...TERMS], ...rows]),
    '',
    conserved
      ? 'Every message is accounted for: received = waiting + processed + duplicate + superseded + parked + rejected.'
      : 'THE COUNTS DO NOT ADD UP: keep the state directory and ask for help.',
    ...(waiting > 0 ? [`${many(waiting, 'message')} to be processed.${age(oldestWaitingSeconds)}`] : []),
    ...(reasons.length > 0
      ? [`Parked: ${reasons.join(', ')}.${age(oldestParkedSeconds)} See: ficus feed parked`]
      : []),
    ...interfaces.flatMap(formatDropped),
    ...(held ? ['Senders are held back: the disk is behind.'] : []),
    ...answers.flatMap(formatAnswered),
    ...copies.map((copy) => `Copy ${formatCopy(copy)}`),
    ...subscribers.map(formatSubscriber),
    ...health.problems.map((problem) => `PROBLEM: ${problem}`),
  ]
    .map((line) => (line.includes('  ') ? line : hanging('', line)))
    .join('\n');
}

/** What never became a message, and so is in no count: only its sender has it. */
function formatDropped({ name, dropped }: StatusView['interfaces'][number]): string[] {
  const { messages, bytes, connections, handshakes } = dropped;
  const said = [
    ...(messages > 0 ? [`${many(messages, 'message')} that broke off or ${were(messages)} too long`] : []),
    ...(bytes > 0 ? [`${many(bytes, 'byte')} between messages`] : []),
    ...(connections > 0 ? [`${many(connections, 'connection')} beyond maxConnections`] : []),
    ...(handshakes > 0 ? [many(handshakes, 'failed TLS handshake')] : []),
  ];
  if (said.length === 0) return [];
  return [
    `Dropped at ${name} and not acknowledged, since it was opened: ${said.join(', ')}. The log says when, and whose.`,
  ];
}

function were(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** What is to be said of the application acknowledgements of an interface. */
function formatAnswered(view: AnswersView): string[] {
  const { interface: name, told, lost, owed, dead, oldestSeconds = 0, trouble } = view;
  if (told + lost + owed + dead === 0) return [];
  const since = oldestSeconds >= 60 ? ` (the oldest for ${durationOf(oldestSeconds * 1_000)})` : '';
  const see = dead + lost > 0 ? ' See: ficus feed answers' : '';
  const why = trouble === undefined ? '' : ` PROBLEM: ${trouble} It is tried again.`;
  return [
    `Application acknowledgements of ${name}: ${told} told, ${owed} owed${since}, ${dead} refused or given up, ${lost} lost.${see}${why}`,
  ];
}

function formatSubscriber({ name, topic, told, last, trouble, troubleSeconds = 0 }: SubscriberView): string {
  const why =
    trouble === undefined
      ? ''
      : ` PROBLEM for ${durationOf(troubleSeconds * 1_000)}: ${trouble}. It is tried again.`;
  return `Subscriber ${name} (${topic}): told ${told} of ${many(last, 'event')}.${why}`;
}

/** `ficus feed status`. */
export function registerFeedStatus(feed: Command): void {
  withAdmin(feed.command('status', { isDefault: true }))
    .description('what came over each interface, and what became of it')
    .option('--json', 'as JSON')
    .action(async ({ admin, json }: AdminOption & { json?: true }) => {
      const status = await askAdmin<StatusView>(admin, '/feed');
      console.log(json ? JSON.stringify(status, null, 2) : formatStatus(status));
    });
}
