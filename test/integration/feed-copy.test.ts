import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { withoutServerMeta } from '../../src/events/content.ts';
import { parseJson } from '../../src/fhir/json.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { openDatabase } from '../../src/store/database.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { until } from '../support/migration-desk.ts';

/*
 * A modern service beside the feed: a day of the hospital comes in, and the service ends with what the projection has of the types that it is brought,
 * whatever it did in between.
 */

const TYPES = ['Patient', 'Encounter', 'Observation'];
const SIGNED = { by: 'laboratory', reason: 'a test of the copy' };

let hospital: Hospital;
let stateDir: string;

async function start(): Promise<void> {
  hospital = await startHospital((loaded: LoadedConfig) => {
    const { config } = loaded;
    stateDir = config.stateDir;
    return {
      ...loaded,
      config: {
        ...config,
        migration: {
          ...config.migration,
          outbox: { concurrency: 4, firstRetryMs: 20, maxRetryMs: 200, attempts: 5 },
        },
        feed: {
          ...config.feed!,
          copies: [{ to: 'observations', types: TYPES, owner: 'laboratory' }],
        },
      },
    };
  });
}

afterEach(async () => {
  await hospital?.close();
});

const send = (patients: number, disturbances = {}) => {
  const messages = feedOf(createDay({ patients, seed: 3 }), disturbances);
  const outgoing = messages.map(({ bytes, event }) => ({ bytes, lane: event.lane }));
  return sendFeed(outgoing, { host: '127.0.0.1', port: hospital.ficus.feedPorts['hospix']!, connections: 2 });
};

interface Status {
  readonly interfaces: readonly { readonly counts: Record<string, number> }[];
  readonly copies: readonly {
    readonly position: number;
    readonly last: number;
    readonly waiting: number;
    readonly dead: number;
    readonly trouble?: string;
  }[];
  readonly health: { readonly problems: readonly string[] };
}

async function admin<T>(path: string, body?: object): Promise<T> {
  const response = await fetch(
    `${hospital.ficus.adminBase}${path}`,
    body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
  );
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function inStep(): Promise<Status> {
  let status: Status | undefined;
  await until('the copy is in step', async () => {
    status = await admin<Status>('/feed');
    const [copy] = status.copies;
    const waiting = status.interfaces.reduce((sum, { counts }) => sum + (counts['waiting'] ?? 0), 0);
    return waiting === 0 && copy?.waiting === 0 && copy.position === copy.last;
  });
  return status!;
}

/** What the projection has of the types now, by Type/id. */
function projected(): Map<string, Resource> {
  const database = openDatabase(join(stateDir, 'projection.sqlite'), PROJECTION_MIGRATIONS);
  try {
    const rows = database.prepare('SELECT json FROM resource WHERE version > 0').all();
    const resources = rows.map(({ json }) => parseJson(String(json)) as Resource);
    return new Map(
      resources
        .filter(({ resourceType }) => TYPES.includes(resourceType))
        .map((one) => [`${one.resourceType}/${one.id}`, one]),
    );
  } finally {
    database.close();
  }
}

async function differences(): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, resource] of projected()) {
    const response = await fetch(`${hospital.sandbox.addresses.modern}/${name}`);
    const held = response.ok ? (parseJson(await response.text()) as Resource) : undefined;
    const same =
      held && JSON.stringify(withoutServerMeta(held)) === JSON.stringify(withoutServerMeta(resource));
    if (!same) wrong.push(`${name}: ${held ? 'differs' : response.status}`);
  }
  return wrong;
}

describe('a modern service beside the feed', () => {
  it('has what the projection has after a day, of each type that it is brought', async () => {
    await start();
    await send(12, { duplicates: 5, disorder: 5, late: 3 });
    const { copies } = await inStep();
    expect(copies).toMatchObject([{ dead: 0 }]);
    expect(projected().size).toBeGreaterThan(50);
    expect(await differences()).toEqual([]);
  });

  it('has it too when it failed and was away in between, with nothing given up', async () => {
    await start();
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 503, percent: 30 });
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 500, percent: 20 });
    await send(6);
    await hospital.dial({ protocol: 'modern', fault: 'down' });
    await send(8);
    await until('the outage is seen', async () => {
      const { copies } = await admin<Status>('/feed');
      return copies[0]?.trouble !== undefined;
    });
    await hospital.clearDials();
    const { copies } = await inStep();
    expect(copies).toMatchObject([{ dead: 0 }]);
    expect(await differences()).toEqual([]);
  });

  it('refuses something: the owner finds it, the others go on, and it is brought when asked for again', async () => {
    await start();
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 422, operation: 'Encounter.update' });
    await send(4);
    const status = await inStep();
    const refused = status.copies[0]!.dead;
    expect(refused).toBeGreaterThan(0);
    expect(status.health.problems.join()).toContain('laboratory decides');
    const path = '/feed/copies/observations/dead';
    const { resources } = await admin<{
      resources: { type: string; id: string; owner: string; reason: string }[];
    }>(path);
    expect(resources).toHaveLength(refused);
    expect(resources[0]).toMatchObject({ type: 'Encounter', owner: 'laboratory', attempts: 1 });
    expect(await differences()).toHaveLength(refused);
    await hospital.clearDials();
    for (const { type, id } of resources) await admin(`${path}/${type}/${id}/retry`, SIGNED);
    await until('nothing is dead', async () => (await admin<Status>('/feed')).copies[0]?.dead === 0);
    expect(await differences()).toEqual([]);
  });
});
