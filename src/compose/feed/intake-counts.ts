import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { AckCode } from '../../../adapters/hl7v2/ack.ts';
import type { Intake } from '../../../adapters/hl7v2/intake/intake.ts';
import type { IntakeEvent, IntakeMetrics } from '../../../adapters/hl7v2/intake/link.ts';
import type { JournalStanding } from '../../feed-ports.ts';

/** What happened at one interface since its thread was started. */
export interface IntakeCounts {
  /** Messages by the code of their first answer; `none`: their sender wants to hear nothing. */
  readonly acknowledged: Readonly<Partial<Record<AckCode | 'none', number>>>;
  /** From the arrival of each of them to its answer, in all. */
  readonly seconds: number;
  readonly events: Readonly<Partial<Record<IntakeEvent, number>>>;
}

interface Counting {
  readonly acknowledged: Partial<Record<AckCode | 'none', number>>;
  seconds: number;
  readonly events: Partial<Record<IntakeEvent, number>>;
}

/** Counts by interface: in the thread that takes messages. */
export function createIntakeCounts(): IntakeMetrics & { all(): Readonly<Record<string, IntakeCounts>> } {
  const counts: Record<string, Counting> = {};
  const of = (source: string): Counting => (counts[source] ??= { acknowledged: {}, seconds: 0, events: {} });
  return {
    acknowledged(source, code, seconds) {
      const counting = of(source);
      counting.acknowledged[code] = (counting.acknowledged[code] ?? 0) + 1;
      counting.seconds += Math.max(0, seconds);
    },
    count(event, source) {
      const { events } = of(source);
      events[event] = (events[event] ?? 0) + 1;
    },
    all: () => counts,
  };
}

/** Shows them in the metrics, read whenever they are. Labels are names of interfaces, codes and events. */
export function registerIntakeMetrics(
  registry: Registry,
  intake: {
    readonly counts: Readonly<Record<string, IntakeCounts>>;
    readonly stats: Intake['stats'];
    readonly journal: JournalStanding;
    readonly trouble: string | undefined;
  },
): void {
  const registers = [registry];
  // This one reads for all of them: they are collected in the order in which they were registered.
  const acknowledged = new Counter({
    name: 'ficus_feed_acknowledged_total',
    help: 'Messages by how they were acknowledged at once; none: their sender wants to hear nothing',
    labelNames: ['interface', 'code'],
    registers,
    collect: () => show(intake),
  });
  const seconds = new Counter({
    name: 'ficus_feed_acknowledged_seconds_total',
    help: 'Seconds from the arrival of each of them to its acknowledgement, in all',
    labelNames: ['interface'],
    registers,
  });
  const events = new Counter({
    name: 'ficus_feed_intake_events_total',
    help: 'What came and is no message that could be kept: acknowledgements, messages that broke off or are too long, connections that were one too many, failed TLS handshakes; and batches that announced another number of messages',
    labelNames: ['interface', 'event'],
    registers,
  });
  const noise = new Counter({
    name: 'ficus_feed_noise_bytes_total',
    help: 'Bytes that belong to no message, dropped',
    labelNames: ['interface'],
    registers,
  });

  void new Gauge({
    name: 'ficus_feed_receiving',
    help: '1 while messages can be received and made safe',
    registers,
    collect() {
      this.set(Number(intake.trouble === undefined));
    },
  });
  void new Gauge({
    name: 'ficus_feed_journal_written',
    help: '1 while the journal before the inbox is written; 0: it failed, and messages are made safe without it, more slowly',
    registers,
    collect() {
      this.set(Number(!intake.journal.failing));
    },
  });
  void new Counter({
    name: 'ficus_feed_journal_failures_total',
    help: 'How often the journal could not be written since its thread was started',
    registers,
    collect() {
      this.reset();
      this.inc(intake.journal.failures);
    },
  });

  function show({ counts, stats }: Pick<typeof intake, 'counts' | 'stats'>): void {
    for (const metric of [acknowledged, seconds, events, noise]) metric.reset();
    for (const [source, { broken, refused, handshakes, noiseBytes }] of Object.entries(stats)) {
      events.inc({ interface: source, event: 'message-broken' }, broken);
      events.inc({ interface: source, event: 'connection-refused' }, refused);
      events.inc({ interface: source, event: 'handshake-failed' }, handshakes);
      noise.inc({ interface: source }, noiseBytes);
    }
    for (const [source, one] of Object.entries(counts)) {
      for (const [code, count] of Object.entries(one.acknowledged))
        acknowledged.inc({ interface: source, code }, count);
      seconds.inc({ interface: source }, one.seconds);
      for (const [event, count] of Object.entries(one.events))
        events.inc({ interface: source, event }, count);
    }
  }
}
