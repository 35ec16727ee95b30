import { FicusError } from '../../errors.ts';
import { TOPICS } from '../../events/feed/topic.ts';
import type { DeadCopy } from '../../follower-ports.ts';
import type { OperationHandler } from '../../http/admin-contract.ts';
import type { AdminRequest } from '../../http/admin.ts';
import type { Logger } from '../../ports.ts';
import type { Following } from './following.ts';
import type { NamedCopy } from './copies.ts';

export interface FollowingDeskOptions {
  readonly followingOf: () => Following;
  readonly log: Logger;
}

/** Events that are listed when nothing is said, and at most. */
const LISTED = 100;
const MOST = 1_000;

/** What follows the projection: operations of contracts/admin-api.yaml by their ids. */
export function followingOperations({
  followingOf,
  log,
}: FollowingDeskOptions): Record<string, OperationHandler> {
  const decide =
    (words: string, act: (one: NamedCopy['copy'], type: string, id: string) => void): OperationHandler =>
    (request) => {
      const { by, reason } = request.body as { by: string; reason: string };
      const { config, copy } = copyAt(followingOf(), request);
      act(copy, String(request.params['type']), String(request.params['id']));
      log.info(words, { to: config.to, by, reason });
      return { body: {} };
    };
  return {
    listDeadCopies: (request) => {
      const { copy } = copyAt(followingOf(), request);
      return { body: { resources: copy.dead().map(viewOf) } };
    },
    retryDeadCopy: decide('a refused copy is tried again', (copy, type, id) => copy.retry(type, id)),
    discardDeadCopy: decide('a refused copy is given up', (copy, type, id) => copy.discard(type, id)),
    topicEvents: ({ query }) => {
      const { topic, after = '0', limit = String(LISTED) } = query;
      if (!TOPICS.some((one) => one === topic))
        throw new FicusError('not-found', `There is no such topic. There are: ${TOPICS.join(', ')}.`);
      const { store } = followingOf();
      const most = Math.min(MOST, Math.max(1, wholeNumber('limit', limit)));
      const events = store.events(String(topic), wholeNumber('after', after), most);
      return {
        body: {
          topic,
          last: store.last(String(topic)),
          events: events.map((one) => ({ ...one, at: new Date(one.at).toISOString() })),
        },
      };
    },
  };
}

/** What the status of the feed says of those who follow. */
export function followingStatus({ copies, subscribers }: Following, now: number) {
  return {
    copies: copies.map(({ config: { to, types, owner }, copy }) => {
      const { oldest, ...status } = copy.status();
      return {
        to,
        types,
        owner,
        ...status,
        ...(oldest === undefined ? {} : { oldestSeconds: ageOf(oldest, now) }),
      };
    }),
    subscribers: subscribers.status().map(({ trouble, ...status }) => ({
      ...status,
      ...(trouble ? { trouble: trouble.words, troubleSeconds: ageOf(trouble.since, now) } : {}),
    })),
  };
}

function ageOf(since: number, now: number): number {
  return Math.max(0, (now - since) / 1_000);
}

function copyAt({ copies }: Following, request: AdminRequest): NamedCopy {
  const found = copies.find(({ config }) => config.to === request.params['name']);
  if (!found) throw new FicusError('not-found', 'There is no copy for a backend of this name.');
  return found;
}

function viewOf({ copy: _copy, at, ...dead }: DeadCopy) {
  return { ...dead, at: new Date(at).toISOString() };
}

/** A number of a query. @throws FicusError `invalid` */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0)
    throw new FicusError('invalid', `${name} is a whole number.`);
  return value;
}
