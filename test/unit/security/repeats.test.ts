import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { createRepeats } from '../../../src/security/enforce-written.ts';
import { createSight } from '../../../src/security/visible.ts';
import { createWithholding } from '../../../src/security/withhold.ts';
import { createMemoryStores } from '../../../src/store/stores.ts';
import { BASE, context, testClock, UTC } from '../search/support.ts';
import { served } from './fuzz/backends.ts';
import { accessOf } from './support.ts';

/* A write that is repeated with its key is answered by what was stored: as far as its caller may still have it. */

function writing() {
  const clock = testClock();
  const denied = new Set<string>();
  const consents = {
    decide: (patient: string) => (denied.has(patient) ? ('deny' as const) : ('permit' as const)),
    permitAll: () => denied.size === 0,
  };
  const withholding = createWithholding({ labels: { purposes: {}, clients: {}, codes: {} }, consents });
  const sight = createSight({ base: BASE, zone: UTC, clock, withholding });
  const once = idempotency({
    store: createMemoryStores().idempotency,
    clock,
    judge: createRepeats({ sight }),
  });
  const access = accessOf('user/Observation.cruds', { fhirUser: 'Practitioner/d' });
  const backend = once(served([]).backend);
  const resource: Resource = { resourceType: 'Observation', subject: { reference: 'Patient/a' } };
  const write = () =>
    backend.handle(
      {
        interaction: 'create',
        type: 'Observation',
        handling: 'strict',
        resource,
        idempotencyKey: 'one',
      },
      context({ principal: { key: 'doctor', access }, deadline: clock.now() + 10_000 }),
    );
  return { write, denied };
}

describe('a write that is repeated', () => {
  it('gets the body that was stored while nothing keeps it back', async () => {
    const { write } = writing();
    await write();
    const { status, body } = await write();
    expect(status).toBe(201);
    expect(body.kind).not.toBe('none');
  });

  it('gets status and Location, and no body, when a consent has come that denies it', async () => {
    const { write, denied } = writing();
    const first = await write();
    denied.add('a');
    const { status, headers, body } = await write();
    expect(status).toBe(201);
    expect(headers['location']).toBe(first.headers['location']);
    expect(headers['etag']).toBe(first.headers['etag']);
    expect(body).toEqual({ kind: 'none' });
  });
});
