import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createIntakeCounts, registerIntakeMetrics } from '../../../src/compose/feed/intake-counts.ts';

it('what happens at the interfaces is in the metrics, and begins anew with their thread', async () => {
  const registry = new Registry();
  let counts = createIntakeCounts();
  const intake = {
    get counts() {
      return counts.all();
    },
    stats: {},
    journal: { failures: 0 },
    trouble: undefined,
  };
  registerIntakeMetrics(registry, intake);
  counts.acknowledged('adt', 'AA', 0.25);
  counts.acknowledged('adt', 'AA', 0.5);
  counts.acknowledged('adt', 'none', 0);
  counts.count('acknowledgement-received', 'lab');
  const text = await registry.metrics();
  expect(text).toContain('ficus_feed_acknowledged_total{interface="adt",code="AA"} 2');
  expect(text).toContain('ficus_feed_acknowledged_total{interface="adt",code="none"} 1');
  expect(text).toContain('ficus_feed_acknowledged_seconds_total{interface="adt"} 0.75');
  expect(text).toContain(
    'ficus_feed_intake_events_total{interface="lab",event="acknowledgement-received"} 1',
  );
  counts = createIntakeCounts();
  expect(await registry.metrics()).not.toContain('interface="adt"');
});

it('whether messages are received, and the journal is written, is in the metrics', async () => {
  const registry = new Registry();
  const failing = { since: 0, code: 'ENOSPC' };
  const journal = { failures: 3, failing };
  registerIntakeMetrics(registry, { counts: {}, stats: {}, journal, trouble: 'it hangs' });
  const text = await registry.metrics();
  expect(text).toContain('ficus_feed_receiving 0');
  expect(text).toContain('ficus_feed_journal_written 0');
  expect(text).toContain('ficus_feed_journal_failures_total 3');
});

it('what never became a message is in the metrics, by interface', async () => {
  const registry = new Registry();
  const stats = {
    lab: { received: 9, answered: 9, connections: 1, broken: 2, refused: 1, handshakes: 3, noiseBytes: 40 },
  };
  registerIntakeMetrics(registry, { counts: {}, stats, journal: { failures: 0 }, trouble: undefined });
  const text = await registry.metrics();
  expect(text).toContain('ficus_feed_intake_events_total{interface="lab",event="message-broken"} 2');
  expect(text).toContain('ficus_feed_intake_events_total{interface="lab",event="connection-refused"} 1');
  expect(text).toContain('ficus_feed_intake_events_total{interface="lab",event="handshake-failed"} 3');
  expect(text).toContain('ficus_feed_noise_bytes_total{interface="lab"} 40');
});
