import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, FhirRequest } from '../../../src/ports.ts';
import { backendNameOf, createRouter, isStreamed } from '../../../src/strangler/router.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import type { RouteTable } from '../../../src/strangler/table.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  createTestLogger,
  outcome,
  patient,
  read,
  update,
} from '../resilience/support.ts';

const clock = createFakeClock();
let table: RouteTable;
let router: Backend;

beforeEach(async () => {
  const endpoints = [
    'Observation.create',
    'Observation.update',
    'Observation.search',
    'Observation.read',
  ] as const;
  table = await createRouteTable({
    seeds: [
      { endpoint: 'Observation.read', stage: 'legacy', legacy: 'core', modern: 'labs', body: 'validated' },
      { endpoint: 'Observation.create', stage: 'modern', legacy: 'core', modern: 'labs', body: 'streamed' },
      { endpoint: 'Observation.update', stage: 'modern', modern: 'labs', body: 'streamed' },
    ],
    store: createMemoryRouteStore(),
    backends: [
      { name: 'core', kind: 'legacy', endpoints },
      { name: 'labs', kind: 'modern', endpoints },
    ],
    clock,
    log: createTestLogger(),
  });
  const named = (name: string): Backend => ({
    handle: async () => ({ ...answer(patient('1')), servedBy: name }),
  });
  router = createRouter({
    table,
    backends: new Map([
      ['core', named('core')],
      ['labs', named('labs')],
    ]),
  });
});

const ask = async (request: FhirRequest) => (await router.handle(request, createContext(clock))).servedBy;
const observation = read('1', { type: 'Observation' });

describe('the router', () => {
  it('asks the backend of the stage, and the other one from the moment of the change on', async () => {
    expect(await ask(observation)).toBe('core');
    await table.setStage('Observation.read', 'modern', { by: 'ana' });
    expect(await ask(observation)).toBe('labs');
    await table.setStage('Observation.read', 'legacy', { by: 'ana' });
    expect(await ask(observation)).toBe('core');
  });

  it('sends a vread the way of the read', async () => {
    expect(await ask({ ...observation, interaction: 'vread', versionId: '7' })).toBe('core');
    await table.setStage('Observation.read', 'modern', { by: 'ana' });
    expect(await ask({ ...observation, interaction: 'vread', versionId: '7' })).toBe('labs');
  });

  it('does not let one side do what the other one may have done', async () => {
    const write = create({ type: 'Observation', attempt: { writeId: 'w', backend: 'labs' } });
    const doubtful = { ...write, attempt: { ...write.attempt, doubtful: 'ask-then-send' } } as FhirRequest;
    expect([backendNameOf(table, write), await ask(write), await ask(doubtful)]).toEqual([
      'labs',
      'labs',
      'labs',
    ]);
    await table.setStage('Observation.create', 'legacy', { by: 'ana' });
    expect(backendNameOf(table, write)).toBe('core');
    expect(await outcome(ask(write))).toBe('unavailable');
    expect(await outcome(ask(doubtful))).toBe('outcome-unknown');
    await table.setStage('Observation.create', 'modern', { by: 'ana' });
    expect(await ask(doubtful)).toBe('labs');
  });

  it('refuses what is not routed, and says so', async () => {
    await expect(router.handle(read('1'), createContext(clock))).rejects.toMatchObject({
      code: 'not-implemented',
      status: 501,
      message: 'Patient.read is not routed to any backend.',
    });
  });

  it('lets a body be streamed on the modern side only, and where no other side is to be told of it', async () => {
    expect(isStreamed(table.get('Observation.read'))).toBe(false);
    expect(isStreamed(table.get('Observation.create'))).toBe(false);
    expect(isStreamed(table.get('Observation.update'))).toBe(true);
    expect(isStreamed(undefined)).toBe(false);
    const { resource: _unread, ...unread } = update('1', { type: 'Observation' });
    const streamed = { ...unread, body: Readable.from(['{}']) };
    expect(await ask(streamed)).toBe('labs');
    expect(await outcome(ask({ ...streamed, interaction: 'create' }))).toBe('unavailable');
    expect(await ask(create({ type: 'Observation' }))).toBe('labs');
  });
});
