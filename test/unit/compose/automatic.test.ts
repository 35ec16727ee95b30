import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { tellAutomatic } from '../../../src/compose/audit/automatic.ts';
import { FicusError } from '../../../src/errors.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import { AUTOMATIC } from '../../../src/person.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import { keepLines } from '../http/fhir-server.ts';
import type { LogLine } from '../http/fhir-server.ts';

const ENDPOINT = 'Observation.search';

async function tableWith(write: (entries: readonly AuditEntry[]) => Promise<void>) {
  const lines: LogLine[] = [];
  const log = keepLines(lines);
  const table = await createRouteTable({
    seeds: [{ endpoint: ENDPOINT, stage: 'modern', legacy: 'core', modern: 'labs', body: 'validated' }],
    store: createMemoryRouteStore(),
    backends: [
      { name: 'core', kind: 'legacy', endpoints: [ENDPOINT] },
      { name: 'labs', kind: 'modern', endpoints: [ENDPOINT] },
    ],
    clock: systemClock,
    log,
  });
  tellAutomatic(table, { write }, log);
  return { table, lines };
}

describe('what Ficus does to a route by itself', () => {
  it('is in the audit, and what people do is not told twice', async () => {
    const entries: AuditEntry[] = [];
    const { table } = await tableWith(async (written) => void entries.push(...written));
    await table.setStage(ENDPOINT, 'shadow', { by: AUTOMATIC, reason: 'error rate' });
    await table.setStage(ENDPOINT, 'legacy', { by: 'mira', reason: 'a note' });
    expect(entries).toMatchObject([
      {
        kind: 'route-change',
        outcome: 'success',
        agent: { subject: 'ficus' },
        action: 'migration.rollback',
        details: { endpoint: ENDPOINT, from: 'modern', to: 'shadow', version: '2' },
      },
    ]);
  });

  it('is done although the audit cannot be written, and that is told', async () => {
    const { table, lines } = await tableWith(async () => {
      throw new FicusError('unavailable', 'The disk is full.');
    });
    await table.setStage(ENDPOINT, 'shadow', { by: AUTOMATIC, reason: 'error rate' });
    expect(table.get(ENDPOINT)?.stage).toBe('shadow');
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines.map(({ message }) => message)).toContain('What Ficus did to a route is not in the audit');
  });
});
