import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { TrailFigures } from './trail.ts';

/**
 * Shows the trail in the metrics, read whenever they are.
 * @param owed events that the repository has not taken yet; absent: there is none
 */
export function registerAuditMetrics(
  registry: Registry,
  read: () => TrailFigures,
  owed?: () => number,
): void {
  const registers = [registry];
  void new Counter({
    name: 'ficus_audit_events_total',
    help: 'Audit events since this process began: kept, and lost because the trail could not be written',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { written, failed } = read();
      this.reset();
      this.inc({ outcome: 'written' }, written);
      this.inc({ outcome: 'failed' }, failed);
    },
  });
  void new Gauge({
    name: 'ficus_audit_failing',
    help: '1 while the audit trail cannot be written',
    registers,
    collect() {
      this.set(Number(read().failing));
    },
  });
  if (!owed) return;
  void new Gauge({
    name: 'ficus_audit_repository_backlog',
    help: 'Audit events that the repository has not taken yet',
    registers,
    collect() {
      this.set(owed());
    },
  });
}
