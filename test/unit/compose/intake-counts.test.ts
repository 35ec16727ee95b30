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
  registerIntakeMetrics(registry, { counts: {}, journal: { failures: 3, failing }, trouble: 'it hangs' });
  const text = await registry.metrics();
  expect(text).toContain('ficus_feed_receiving 0');
  expect(text).toContain('ficus_feed_journal_written 0');
  expect(text).toContain('ficus_feed_journal_failures_total 3');
});
