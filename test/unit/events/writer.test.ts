import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { Signal } from '../../../src/cancellation.ts';
import type { FhirResponse } from '../../../src/ports.ts';
import { routeOf } from '../../support/two-sides.ts';
import { createContext, settled } from '../resilience/support.ts';
import { appointment, openScene, resourceOf } from './support.ts';

const what = { type: 'Appointment', patient: 'p-1' } as const;

describe('before anything is sent', () => {
  it('the intention is on disk, and pins the patient at once', async () => {
    const scene = await openScene();
    let kept: unknown;
    scene.modern.before = async () => {
      kept = await scene.stores.outbox.load();
      return undefined;
    };
    const writing = scene.write('modern');
    await settled();
    await writing;
    expect(kept).toMatchObject([
      {
        endpoint: 'Appointment.create',
        from: 'modern',
        toward: 'legacy',
        backend: 'bookings',
        state: 'intended',
        patient: 'p-1',
      },
    ]);
  });

  it('a disk that does not take it: nothing is sent', async () => {
    const scene = await openScene();
    scene.stores.outbox.add = () => Promise.reject(new Error('disk full'));
    await expect(scene.write('modern')).rejects.toMatchObject({ code: 'unavailable' });
    expect(scene.modern.asked).toEqual([]);
    expect(scene.writes.pins.behind('legacy', what)).toBe(false);
  });
});

describe('an update of what neither side has', () => {
  it.each(['legacy', 'modern'] as const)(
    'is refused on the %s side alike, and owed to nobody',
    async (side) => {
      const scene = await openScene();
      const request = {
        interaction: 'update',
        id: 'none',
        resource: { ...appointment('p-1'), id: 'none' },
      } as const;
      await expect(scene.write(side, request)).rejects.toMatchObject({ code: 'not-found', status: 404 });
      expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([0, 0]);
      expect(scene.writes.outbox.list()).toEqual([]);
    },
  );

  it('is not refused for what is in legacy only, and is tried again when modern cannot say', async () => {
    const scene = await openScene();
    const [resource, id] = [appointment('p-1'), 'L1'];
    scene.legacy.held.set(id, { ...resource, id });
    const made = await scene.write('modern', { interaction: 'update', id, resource: { ...resource, id } });
    expect([made.status, scene.modern.held.has(id)]).toEqual([201, true]);
    scene.modern.before = ({ interaction }) =>
      interaction === 'read'
        ? { status: 503, headers: {}, body: { kind: 'none' }, servedBy: 'x' }
        : undefined;
    const other = { interaction: 'update', id: 'M1', resource: { ...resource, id: 'M1' } } as const;
    await expect(scene.write('modern', other)).rejects.toMatchObject({ code: 'unavailable' });
    expect(scene.modern.held.has('M1')).toBe(false);
  });
});

describe('after it was done', () => {
  it('a disk that does not take that: the client is told the truth, and it is found out again', async () => {
    const scene = await openScene();
    const change = scene.stores.outbox.change.bind(scene.stores.outbox);
    scene.stores.outbox.change = () => Promise.reject(new Error('disk full'));
    expect((await scene.write('legacy')).status).toBe(201);
    expect(scene.writes.pins.behind('modern', what)).toBe(true);
    scene.stores.outbox.change = change;
    scene.writes.start();
    await scene.clock.advance(10_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
  });

  it('a client that has left changes nothing', async () => {
    const scene = await openScene();
    const context = createContext(scene.clock);
    let seen: Signal | undefined;
    const handle = scene.modern.handle.bind(scene.modern);
    scene.modern.handle = async (request, given) => {
      seen = given.signal;
      context.abort();
      return handle(request, given);
    };
    const request = { interaction: 'create', type: 'Appointment', handling: 'lenient', resource: appointment('p-1') } as const; // prettier-ignore
    const response = await scene.writes.writer.write(request, context, routeOf('create'), 'modern');
    expect([response.status, seen?.aborted]).toEqual([201, false]);
    expect(scene.writes.pins.owed('legacy').count).toBe(1);
  });

  it('an answer that says nothing, or breaks off, is a success all the same', async () => {
    const scene = await openScene();
    const broken: FhirResponse = {
      status: 201,
      headers: { etag: 'W/"1"', 'content-type': 'application/fhir+json' },
      servedBy: 'modern:fake',
      body: {
        kind: 'pipe',
        discard: () => {},
        pipe: () => Promise.reject(new FicusError('unavailable', 'broke off')),
      },
    };
    scene.modern.before = () => broken;
    const response = await scene.write('modern');
    expect(response).toMatchObject({ status: 201, headers: { etag: 'W/"1"' } });
    expect(response.headers['content-type']).toBeUndefined();
    expect(resourceOf(response)).toMatchObject({ comment: 'first', id: expect.any(String) });
    expect(scene.writes.outbox.list()).toMatchObject([{ state: 'pending' }]);
  });
});

describe('one writer', () => {
  it('a write for a side that has fallen behind goes to the other', async () => {
    const scene = await openScene();
    await scene.write('legacy');
    const response = await scene.write('modern', { resource: appointment('p-1', 'second') });
    expect(response.servedBy).toBe('legacy:fake');
    expect(scene.modern.asked).toEqual([]);
    expect(scene.writes.pins.owed('modern').count).toBe(2);
    expect((await scene.write('modern', { resource: appointment('p-2') })).servedBy).toBe('modern:fake');
  });

  it('a write that refers to what a side has not seen goes to the other, whoever it is of', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('modern', { resource: appointment('p-1') }));
    const supportingInformation = [{ reference: `Appointment/${made.id}` }];
    const resource = { ...appointment('p-2'), supportingInformation };
    expect((await scene.write('legacy', { resource })).servedBy).toBe('modern:fake');
    expect((await scene.write('legacy', { resource: appointment('p-3') })).servedBy).toBe('legacy:fake');
  });

  it('what is owed of another type keeps nobody waiting', async () => {
    const scene = await openScene();
    const encounter = { resourceType: 'Encounter', id: 'e-1', subject: { reference: 'Patient/p-1' } };
    const intention = { id: 'w-0', endpoint: 'Encounter.update', type: 'Encounter', resourceId: 'e-1', patient: 'p-1', from: 'legacy', toward: 'modern', backend: 'clinical', lossy: false, resource: encounter } as const; // prettier-ignore
    await scene.writes.outbox.repair(intention);
    const attempt = { writeId: 'w-1', backend: 'bookings' };
    expect((await scene.write('modern', { attempt })).servedBy).toBe('modern:fake');
  });

  it('of two at once for one patient, the second follows the first', async () => {
    const scene = await openScene();
    const both = await Promise.all([
      scene.write('modern'),
      scene.write('legacy', { resource: appointment('p-1', 'second') }),
    ]);
    expect(both.map(({ servedBy }) => servedBy)).toEqual(['modern:fake', 'modern:fake']);
  });

  it('a key that belongs to a side that is behind is refused, unsent', async () => {
    const scene = await openScene();
    await scene.write('legacy');
    const attempt = { writeId: 'w-1', backend: 'bookings' };
    await expect(scene.write('modern', { attempt })).rejects.toMatchObject({ code: 'unavailable' });
    expect(scene.writes.outbox.list()).toHaveLength(1);
  });

  it('updates of one resource are done one after another, and owed in that order', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('modern'));
    let slow = true;
    scene.modern.before = async () => {
      const wait = slow ? 5 : 0;
      slow = false;
      for (let tick = 0; tick < wait; tick += 1) await settled();
      return undefined;
    };
    const update = (comment: string) =>
      scene.write('modern', { interaction: 'update', id: made.id!, resource: { ...made, comment } });
    await Promise.all([update('second'), update('third')]);
    expect([...scene.modern.held.values()]).toMatchObject([{ comment: 'third' }]);
    scene.writes.start();
    await scene.clock.advance(100);
    expect([...scene.legacy.held.values()]).toMatchObject([{ comment: 'third' }]);
  });
});

describe('a body that comes as a stream', () => {
  const send = async (text: string) => {
    const scene = await openScene();
    const request = { interaction: 'create', type: 'Appointment', handling: 'lenient', body: Readable.from([Buffer.from(text)]) } as const; // prettier-ignore
    const response = await scene.writes.writer.write(
      request,
      createContext(scene.clock),
      routeOf('create'),
      'modern',
    );
    return { scene, response };
  };

  it('is read, since the other side needs it, with every digit', async () => {
    const { scene } = await send('{"resourceType":"Appointment","status":"booked","minutesDuration":30.0}');
    const [entry] = scene.writes.outbox.list();
    expect(JSON.stringify((await scene.writes.outbox.find(entry!.id))?.resource)).toContain('30.0');
  });

  it.each(['{"resourceType":"Patient"}', '[]'])('is refused as %s', async (text) => {
    await expect(send(text)).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('pins', () => {
  it('are by patient, by resource, by type; and of the side that is owed only', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('modern'));
    const { pins } = scene.writes;
    const asked = [
      what,
      { type: 'Appointment', id: made.id! },
      { type: 'Appointment' },
      { type: 'Encounter', patient: 'p-1' },
      { type: 'Patient', id: 'p-1', patient: 'p-1' },
      { type: 'Patient', id: 'p-1' },
      { type: 'Appointment', patient: 'p-2' },
      { type: 'Appointment', id: 'another' },
      { type: 'Encounter' },
    ];
    expect(asked.map((one) => pins.behind('legacy', one))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(asked.some((one) => pins.behind('modern', one))).toBe(false);
    await scene.clock.advance(700);
    expect(pins.owed('legacy')).toEqual({ count: 1, dead: 0, oldestMs: 700 });
    expect(pins.owed('legacy', 'Appointment.create').count).toBe(1);
    expect(pins.owed('legacy', 'Appointment.update').count).toBe(0);
    expect(pins.owed('modern')).toEqual({ count: 0, dead: 0, oldestMs: 0 });
    expect(scene.writes.outbox.knows('Appointment', made.id!)).toBe(true);
    scene.writes.start();
    await scene.clock.advance(10);
    expect(asked.some((one) => pins.behind('legacy', one))).toBe(false);
  });

  it('are there again in the next process', async () => {
    const scene = await openScene();
    await scene.write('legacy');
    const next = await scene.again();
    expect(next.writes.pins.behind('modern', what)).toBe(true);
    expect(next.writes.pins.owed('modern').count).toBe(1);
  });
});
