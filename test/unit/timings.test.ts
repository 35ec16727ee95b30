import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { Timings } from '../../src/timings.ts';

const DEFINED = {
  name: 'seconds',
  help: 'how long it took',
  labelNames: ['route', 'status', 'by'],
  buckets: [0.001, 0.01, 0.1, 1],
} as const;

const OBSERVED: readonly (readonly [string, string, string, number])[] = [
  ['Patient.read', '200', 'core', 0.0004],
  ['Patient.read', '200', 'core', 0.001],
  ['Patient.read', '200', 'core', 0.0011],
  ['Patient.read', '404', 'core', 0.5],
  ['Patient.read', '200', 'modern', 1],
  ['Patient.read', '200', 'core', 12],
  ['a "quoted"\nroute', '200', 'core', 0],
];

test('shows what a Histogram of prom-client shows', async () => {
  const theirs = new Registry();
  const histogram = new Histogram({ ...DEFINED, labelNames: [...DEFINED.labelNames], buckets: [...DEFINED.buckets], registers: [theirs] }); // prettier-ignore
  const ours = new Registry();
  const timings = new Timings(DEFINED);
  ours.registerMetric(timings.asMetric());
  for (const [route, status, by, seconds] of OBSERVED) {
    histogram.observe({ route, status, by }, seconds);
    timings.observe(route, status, by, seconds);
  }
  const shown = await ours.metrics();
  expect(shown).toContain('seconds_bucket{le="0.001",route="Patient.read",status="200",by="core"} 2');
  expect(shown).toContain('seconds_count{route="Patient.read",status="200",by="core"} 4');
  expect(shown).toBe(await theirs.metrics());
});

test('shows its name where nothing was observed, and nothing else', async () => {
  const registry = new Registry();
  const timings = new Timings(DEFINED);
  registry.registerMetric(timings.asMetric());
  expect(await registry.metrics()).toBe('# HELP seconds how long it took\n# TYPE seconds histogram\n');
  timings.observe('a', 'b', 'c', 1);
  registry.resetMetrics();
  expect(await registry.metrics()).not.toContain('seconds_count');
});

test('refuses what is no finite number', () => {
  const timings = new Timings(DEFINED);
  expect(() => timings.observe('a', 'b', 'c', Number.NaN)).toThrow(TypeError);
  expect(() => timings.observe('a', 'b', 'c', Infinity)).toThrow(TypeError);
});
