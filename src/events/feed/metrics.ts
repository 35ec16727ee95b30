import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { FeedCounts, InboxFigures } from '../../feed-ports.ts';
import { isConserved } from './conservation.ts';

const STATES = [
  'waiting',
  'processed',
  'duplicate',
  'superseded',
  'parked',
  'rejected',
] as const satisfies readonly (keyof FeedCounts)[];

/**
 * Shows the inbox in the metrics, read whenever they are. Labels are names of interfaces, states and reasons.
 *
 * They count since the inbox was made, not since this process began.
 */
export function registerFeedMetrics(
  registry: Registry,
  read: () => InboxFigures,
  now: () => number = Date.now,
): void {
  const registers = [registry];
  // The first one reads for all of them: they are collected in the order in which they were registered, in one turn.
  void new Gauge({
    name: 'ficus_feed_conserved',
    help: '1 while received = waiting + processed + duplicate + superseded + parked + rejected',
    registers,
    collect() {
      const figures = read();
      this.set(Number(figures.interfaces.every(({ counts }) => isConserved(counts))));
      show(figures);
    },
  });
  const received = new Counter({
    name: 'ficus_feed_received_total',
    help: 'Messages received, duplicates included',
    labelNames: ['interface'],
    registers,
  });
  const messages = new Gauge({
    name: 'ficus_feed_messages',
    help: 'Messages by where they stand; they add up to those received',
    labelNames: ['interface', 'state'],
    registers,
  });
  const parked = new Gauge({
    name: 'ficus_feed_parked',
    help: 'Messages that somebody has to look at, by reason',
    labelNames: ['interface', 'reason'],
    registers,
  });
  const oldest = new Gauge({
    name: 'ficus_feed_oldest_seconds',
    help: 'Age of the oldest message that waits or is parked; 0 when there is none',
    labelNames: ['state'],
    registers,
  });

  function show(figures: InboxFigures): void {
    received.reset();
    for (const { source, counts } of figures.interfaces) {
      received.inc({ interface: source }, counts.received);
      for (const state of STATES) messages.set({ interface: source, state }, counts[state]);
    }
    parked.reset();
    for (const { source, reason, count } of figures.parked) parked.set({ interface: source, reason }, count);
    for (const state of ['waiting', 'parked'] as const) {
      const since = figures.oldest[state];
      oldest.set({ state }, since === undefined ? 0 : Math.max(0, now() - since) / 1000);
    }
  }
}
