import type { Command } from 'commander';
import { registerFeedAnswers } from './feed/answers.ts';
import { registerFeedCopies } from './feed/copies.ts';
import { registerFeedEvents } from './feed/events.ts';
import { registerFeedExplain } from './feed/explain.ts';
import { registerFeedMessages } from './feed/messages.ts';
import { registerFeedReleases } from './feed/releases.ts';
import { registerFeedReplay } from './feed/replay.ts';
import { registerFeedReviews } from './feed/reviews.ts';
import { registerFeedSend } from './feed/send.ts';
import { registerFeedStatus } from './feed/status.ts';

/** `ficus feed`: what legacy cores push, and what became of it. */
export function registerFeed(program: Command): void {
  const feed = program
    .command('feed')
    .description(
      'HL7v2 messages that legacy cores push: what came, what became of it, and what somebody has to look at',
    );
  registerFeedStatus(feed);
  registerFeedMessages(feed);
  registerFeedReviews(feed);
  registerFeedAnswers(feed);
  registerFeedReplay(feed);
  registerFeedReleases(feed);
  registerFeedExplain(feed);
  registerFeedSend(feed);
  registerFeedCopies(feed);
  registerFeedEvents(feed);
}
