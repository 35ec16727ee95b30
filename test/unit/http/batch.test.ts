import { expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import { runBatch } from '../../../src/http/batch.ts';
import { parsePrefer } from '../../../src/http/conditions.ts';
import type { Call } from '../../../src/http/perform.ts';

const LONG = 'x'.repeat(1_000);
const read = (id: string) => ({ request: { method: 'GET', url: `Observation/${id}` } });
const create = { request: { method: 'POST', url: 'Observation' }, resource: { resourceType: 'Observation' } };

it('an answer that has become large takes no further reads, and every write', async () => {
  const performed: string[] = [];
  const entry = [...Array.from({ length: 20 }, (_, index) => read(String(index))), create];
  const bundle: Resource = { resourceType: 'Bundle', type: 'batch', entry };
  const { resource } = await runBatch(bundle, {
    promised: () => ['read', 'create'],
    publicBase: 'http://ficus.example/fhir',
    preferences: parsePrefer(undefined),
    maxEntryBytes: 10_000,
    maxSize: 5_000,
    async perform({ asked }: Call) {
      performed.push(asked.interaction);
      const found: Resource = { resourceType: 'Observation', id: 'a', note: [{ text: LONG }] };
      const body = { kind: 'resource', resource: found } as const;
      return { response: { status: 200, headers: {}, body, servedBy: 'legacy:a' } };
    },
  });
  const answers = (resource['entry'] as JsonObject[]).map(({ response }) => response as JsonObject);
  expect(answers).toHaveLength(21);
  expect(answers[0]!['status']).toBe('200');
  expect(answers[19]).toMatchObject({ status: '400', outcome: { issue: [{ code: 'too-costly' }] } });
  expect(answers[20]!['status']).toBe('200');
  // Those that were under way when it became full, and no more.
  expect(performed.filter((it) => it === 'read').length).toBeLessThan(10);
  expect(performed.at(-1)).toBe('create');
});
