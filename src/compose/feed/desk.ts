import { FicusError } from '../../errors.ts';
import { isConserved } from '../../events/feed/conservation.ts';
import type { ReplaySelection } from '../../events/feed/replay.ts';
import type { FeedCounts, MessageRecord } from '../../feed-ports.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { Feed } from './feed.ts';
import { answerOperations, answerStatus } from './answers-desk.ts';
import { followingOperations, followingStatus } from './following-desk.ts';
import { filterOf } from './message-filter.ts';
import { releaseOperations } from './releases-desk.ts';
import { reviewOperations } from './reviews-desk.ts';

export interface FeedDeskOptions {
  /** Undefined: the configuration has no feed. */
  readonly feed: Feed | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Messages that are listed, or looked at for coverage, when nothing is said. */
const LISTED = 100;
const LOOKED_AT = 1_000;

/** What the feed brought: operations of contracts/admin-api.yaml by their ids. */
export function feedOperations({
  feed: maybe,
  clock,
  log,
}: FeedDeskOptions): Record<string, OperationHandler> {
  const feedOf = (): Feed => {
    if (!maybe) throw new FicusError('not-found', 'There is no feed in the configuration.');
    return maybe;
  };
  return {
    ...followingOperations({ followingOf: () => feedOf().following, log }),
    ...releaseOperations({ releasesOf: () => feedOf().releases }),
    ...answerOperations({ feedOf, log }),
    ...reviewOperations({ reviewsOf: () => feedOf().reviews, log }),
    feedStatus: () => ({ body: statusOf(feedOf(), clock.now()) }),
    recountFeed: async () => ({ body: await feedOf().processor.audit() }),
    listMessages: ({ query }) => {
      const feed = feedOf();
      const messages = feed.ledger.list(filterOf(query, LISTED, feed));
      return { body: { messages: messages.map(viewOf) } };
    },
    getMessage: (request) => ({ body: viewOf(messageAt(feedOf(), request).record) }),
    explainMessage: async (request) => {
      const feed = feedOf();
      const { record, bytes } = messageAt(feed, request);
      if (!bytes) throw new FicusError('not-found', 'Retention has let go of the bytes of this message.');
      const { by, reason } = request.body as { by: string; reason: string };
      log.info('A message of the feed was opened', { by, reason, count: record.seq });
      const fields = await feed.processor.explain(record.seq);
      return { body: { message: viewOf(record), ...(fields.length > 0 ? { fields } : {}) } };
    },
    replayMessages: async (request) => {
      const { by, reason, dryRun = false, seqs, filter } = request.body as AdminRequest['body'] & ReplayBody;
      const selection = selectionOf(feedOf(), seqs, filter);
      if (dryRun) return { body: { rehearsed: await feedOf().processor.rehearse(selection, false) } };
      log.info('Messages of the feed are replayed', { by, reason });
      return { body: { replayed: await feedOf().processor.replay(selection) } };
    },
    feedCoverage: async ({ query }) => {
      const feed = feedOf();
      const filter = { ...filterOf(query, LOOKED_AT, feed), newestFirst: true };
      return { body: await feed.processor.coverage(filter) };
    },
  };
}

interface ReplayBody {
  readonly by: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly seqs?: readonly number[];
  readonly filter?: Readonly<Record<string, string>>;
}

/** Replayed at once at most: what more there is, is replayed by asking again. */
const REPLAYED = 10_000;

function selectionOf(
  feed: Feed,
  seqs: readonly number[] | undefined,
  filter: Readonly<Record<string, string>> | undefined,
): ReplaySelection {
  if ((seqs === undefined) === (filter === undefined))
    throw new FicusError('invalid', 'Say which messages: either seqs or a filter.');
  return seqs === undefined ? { filter: filterOf(filter!, REPLAYED, feed) } : { seqs };
}

function messageAt(feed: Feed, request: AdminRequest) {
  const seq = Number(request.params['seq']);
  const found = Number.isSafeInteger(seq) ? feed.ledger.find(seq) : undefined;
  if (!found) throw new FicusError('not-found', 'There is no such message.');
  return found;
}

function statusOf(feed: Feed, now: number) {
  const figures = feed.ledger.figures();
  const known = new Map(figures.interfaces.map(({ source, counts }) => [source, counts]));
  const names = [...new Set([...Object.keys(feed.ports), ...known.keys()])];
  const age = (since: number | undefined) =>
    since === undefined ? undefined : Math.max(0, (now - since) / 1_000);
  const { waiting, parked } = figures.oldest;
  return {
    interfaces: names.map((name) => ({
      name,
      ...(feed.ports[name] === undefined ? {} : { port: feed.ports[name] }),
      connections: feed.intake.stats[name]?.connections ?? 0,
      dropped: droppedAt(feed.intake.stats[name]),
      counts: known.get(name) ?? NOTHING,
      conserved: isConserved(known.get(name) ?? NOTHING),
    })),
    parked: figures.parked.map(({ source, reason, count }) => ({ interface: source, reason, count })),
    ...(waiting === undefined ? {} : { oldestWaitingSeconds: age(waiting) }),
    ...(parked === undefined ? {} : { oldestParkedSeconds: age(parked) }),
    held: feed.intake.held,
    answers: answerStatus(feed.answers, now),
    ...followingStatus(feed.following, now),
    ...(feed.processor.trouble === undefined ? {} : { trouble: feed.processor.trouble }),
    health: feed.health(),
  };
}

/** What came to an interface since its thread was started, and is no message that could be kept. */
function droppedAt(stats: Feed['intake']['stats'][string] | undefined) {
  const { broken = 0, noiseBytes = 0, refused = 0, handshakes = 0 } = stats ?? {};
  return { messages: broken, bytes: noiseBytes, connections: refused, handshakes };
}

const NOTHING: FeedCounts = {
  received: 0,
  waiting: 0,
  processed: 0,
  duplicate: 0,
  superseded: 0,
  parked: 0,
  rejected: 0,
};

function viewOf(record: MessageRecord) {
  const { source, receivedAt, stateAt, ...rest } = record;
  return {
    ...rest,
    interface: source,
    receivedAt: new Date(receivedAt).toISOString(),
    stateAt: new Date(stateAt).toISOString(),
  };
}
