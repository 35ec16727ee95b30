import type { ProjectionEvent, ProjectionLog } from '../../projection-ports.ts';
import type { FollowerStore, TopicEvent } from '../../follower-ports.ts';
import type { Logger } from '../../ports.ts';

/** What subscribers can be told of. */
export const TOPICS = ['patient-merge'] as const;

export type Topic = (typeof TOPICS)[number];

/** What of the log is an event of the topic. */
const IS_OF: Readonly<Record<Topic, (event: ProjectionEvent) => boolean>> = {
  'patient-merge': ({ kind, type }) => kind !== 'changed' && type === 'Patient',
};

export interface TopicRecorderOptions {
  readonly topic: Topic;
  readonly events: Pick<ProjectionLog, 'events' | 'last'>;
  readonly store: Pick<FollowerStore, 'cursor' | 'advance' | 'place' | 'record'>;
  readonly log: Pick<Logger, 'warn'>;
}

const CHUNK = 1_000;

/**
 * Makes the function that takes what is new in the projection's log over into a topic, whose events have numbers of
 * their own without gaps: the same event is never taken twice, because it and the place up to which the log was read
 * are written in one transaction. One chunk a call; true: there is more.
 */
export function createTopicRecorder({ topic, events, store, log }: TopicRecorderOptions): () => boolean {
  const follower = `topic ${topic}`;
  let read = store.cursor(follower);
  if (read > events.last()) {
    // Taken again, what happened before would get new numbers: the topic goes on behind it.
    log.warn('the log that a topic follows was made anew: it goes on from its end', { to: topic });
    read = events.last();
    store.place(follower, read);
  }
  let written = read;
  return () => {
    const found = events.events(read, CHUNK);
    const last = found.at(-1);
    if (!last) return false;
    const ofTopic = found.filter(IS_OF[topic]).map(eventOf);
    if (ofTopic.length > 0) store.record(topic, ofTopic, follower, last.number);
    // Nothing of it is lost when the place is not written down: what is read again is none of the topic.
    else if (last.number - written >= CHUNK) store.advance(follower, last.number);
    if (ofTopic.length > 0 || last.number - written >= CHUNK) written = last.number;
    read = last.number;
    return found.length === CHUNK;
  };
}

function eventOf({ kind, type, id, other, at }: ProjectionEvent): Omit<TopicEvent, 'number'> {
  return {
    kind: kind === 'unmerged' ? 'unmerged' : 'merged',
    type,
    id,
    ...(other === undefined ? {} : { other }),
    at,
  };
}
