import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import type { ModernBackend } from '../../adapters/modern/backend.ts';
import { createModernService } from '../../sandbox/modern/index.ts';
import type { ModernService } from '../../sandbox/modern/index.ts';
import { systemClock } from '../../src/clock.ts';
import { searchParameter } from '../../src/fhir/search-parameters.ts';
import { createLogger } from '../../src/log.ts';
import { checkContract } from '../../src/strangler/gates/contract-check.ts';

const named = (...names: string[]) => names.map((name) => searchParameter('Observation', name)!);

describe('the contract tests against a service over the wire', () => {
  let service: ModernService;
  let backend: ModernBackend;
  beforeAll(async () => {
    service = await createModernService({ port: 0 });
    const publicBase = () => 'http://ficus/fhir';
    const endpoints = [
      'Observation.read',
      'Observation.search',
      'Observation.create',
      'Observation.update',
    ] as const;
    backend = createModernBackend({ name: 'labs', url: service.base, publicBase, endpoints });
  });
  afterAll(async () => {
    await backend.close();
    await service.close();
  });

  const check = (...promises: Parameters<typeof checkContract>[0]['promises'][number][]) =>
    checkContract({
      name: 'labs',
      backend,
      promises,
      clock: systemClock,
      log: createLogger({ level: 'silent' }),
    });

  it('pass for the sandbox’s modern service, and leave nothing behind in it', async () => {
    const result = await check(
      { endpoint: 'Observation.read' },
      {
        endpoint: 'Observation.search',
        search: named('patient', 'code', 'category', 'date', 'status', '_id'),
      },
      { endpoint: 'Observation.create' },
      { endpoint: 'Observation.update' },
    );
    expect(result.failed).toEqual([]);
    expect(result.passed).toBe(11);
    const held: unknown = await (await fetch(`${service.base}/Observation?_summary=count`)).json();
    expect(held).toMatchObject({ total: 0 });
  });

  it('tell which promised parameter it does not know', async () => {
    const result = await check({
      endpoint: 'Observation.search',
      search: named('code', 'data-absent-reason'),
    });
    expect(result.failed).toEqual([
      {
        name: 'Observation.search by data-absent-reason',
        words: expect.stringContaining('self link') as string,
      },
    ]);
  });
});
