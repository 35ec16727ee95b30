import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { AnswerCounts } from '../../../answer-ports.ts';

/** Shows in the metrics what senders are owed, read whenever they are. Labels are names of interfaces and states. */
export function registerAnswerMetrics(
  registry: Registry,
  read: () => readonly AnswerCounts[],
  now: () => number,
): void {
  const registers = [registry];
  const labelNames = ['interface'];
  // This one reads for all of them: they are collected in the order in which they were registered.
  const standing = new Gauge({
    name: 'ficus_feed_answers',
    help: 'Application acknowledgements that are owed, and those that an owner decides about (dead)',
    labelNames: ['interface', 'state'],
    registers,
    collect: () => show(read()),
  });
  const ended = new Counter({
    name: 'ficus_feed_answers_total',
    help: 'Application acknowledgements that a reply address took (told), or whose connection was gone (lost)',
    labelNames: ['interface', 'outcome'],
    registers,
  });
  const oldest = new Gauge({
    name: 'ficus_feed_answers_oldest_seconds',
    help: 'Since when the oldest application acknowledgement is owed; 0 when none is',
    labelNames,
    registers,
  });

  function show(counts: readonly AnswerCounts[]): void {
    ended.reset();
    for (const { source, told, lost, owed, dead, oldest: since } of counts) {
      standing.set({ interface: source, state: 'owed' }, owed);
      standing.set({ interface: source, state: 'dead' }, dead);
      ended.inc({ interface: source, outcome: 'told' }, told);
      ended.inc({ interface: source, outcome: 'lost' }, lost);
      oldest.set({ interface: source }, since === undefined ? 0 : Math.max(0, now() - since) / 1_000);
    }
  }
}
