import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../../src/clock.ts';
import type { Clock } from '../../../../../src/ports.ts';
import { openFollowerStore } from '../../../../../src/store/followers.ts';
import { FicusError } from '../../../../../src/errors.ts';
import { copyOf, createService, createTold, isDone, until } from './support.ts';

/** What waits for a while waits for a millisecond. */
const HASTY: Clock = {
  now: () => systemClock.now(),
  after: (ms, callback) => systemClock.after(Math.min(ms, 1), callback),
};

const gate = () => Promise.withResolvers<void>();

describe('a copy', () => {
  it('sends what the projection says at the time of sending: changes that came meanwhile collapse', async () => {
    const [told, service] = [createTold(), createService()];
    const first = gate();
    service.before = () => first.promise;
    told.change('Observation/a', 'p');
    const copy = copyOf(told, service);
    copy.start();
    await until(() => service.most() === 1);
    for (let change = 0; change < 5; change += 1) told.change('Observation/a', 'p');
    copy.wake();
    first.resolve();
    await until(isDone(copy));
    expect(service.received).toEqual(['Observation/a v1', 'Observation/a v6']);
    expect(service.held.get('Observation/a')).toEqual({
      resourceType: 'Observation',
      id: 'a',
      version: 6,
    });
    await copy.stop();
  });

  it('keeps the order of each patient, and brings others meanwhile', async () => {
    const [told, service] = [createTold(), createService()];
    for (const nth of [1, 2, 3, 4])
      for (const patient of ['p', 'q', 'r']) told.change(`Observation/${patient}${nth}`, patient);
    service.before = () => new Promise((resolve) => setTimeout(resolve, 2));
    const copy = copyOf(told, service);
    copy.start();
    await until(isDone(copy));
    for (const patient of ['p', 'q', 'r'])
      expect(service.received.filter((one) => one.startsWith(`Observation/${patient}`))).toEqual(
        [1, 2, 3, 4].map((nth) => `Observation/${patient}${nth} v1`),
      );
    expect(service.most()).toBe(3);
    await copy.stop();
  });

  it('waits for a service that is away, and gives nothing up', async () => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    let away = true;
    let asked = 0;
    service.before = () => {
      asked += 1;
      if (away) throw new FicusError('unavailable', 'It is away.');
    };
    for (const patient of ['p', 'q', 'r']) told.change(`Observation/${patient}`, patient);
    const copy = copyOf(told, service, store);
    copy.start();
    await until(() => asked > 12);
    expect(copy.status()).toMatchObject({ position: 0, waiting: 3, dead: 0, trouble: 'It is away.' });
    expect(store.cursor('copy modern Observation')).toBe(0);
    away = false;
    await until(isDone(copy));
    expect(service.held.size).toBe(3);
    expect(copy.status()).not.toHaveProperty('trouble');
    await copy.stop();
    expect(store.cursor('copy modern Observation')).toBe(3);
  });

  it('counts no failure while the service fails for everything', async () => {
    const [told, service] = [createTold(), createService()];
    let failures = 0;
    service.answer = () => (failures < 60 ? ((failures += 1), 500) : 200);
    for (const patient of ['p', 'q', 'r']) told.change(`Observation/${patient}`, patient);
    const copy = copyOf(told, service);
    copy.start();
    await until(isDone(copy));
    expect(copy.status()).toMatchObject({ dead: 0, sent: 3 });
    await copy.stop();
  });

  it('gives up what alone fails again and again, and goes on behind it', async () => {
    const [told, service] = [createTold(), createService()];
    service.answer = (name) => (name === 'Observation/bad' ? 500 : 200);
    told.change('Observation/bad', 'p');
    told.change('Observation/good', 'p');
    const copy = copyOf(told, service);
    copy.start();
    let nth = 0;
    await until(() => {
      told.change(`Observation/other${(nth += 1)}`, 'q');
      copy.wake();
      return copy.status().dead === 1;
    });
    await until(isDone(copy));
    expect(service.held.has('Observation/good')).toBe(true);
    expect(copy.dead()).toMatchObject([{ id: 'bad', owner: 'laboratory' }]);
    await copy.stop();
  });

  it('buries what is refused, with owner and reason, before the cursor passes it', async () => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    service.answer = (name) => (name === 'Observation/bad' ? 422 : 200);
    told.change('Observation/bad', 'p');
    told.change('Observation/good', 'p');
    const copy = copyOf(told, service, store);
    copy.start();
    await until(isDone(copy));
    expect(service.received).toEqual(['Observation/bad v1', 'Observation/good v1']);
    expect(store.dead('modern')).toMatchObject([
      {
        type: 'Observation',
        id: 'bad',
        number: 1,
        version: 1,
        attempts: 1,
        reason: 'the modern side answered with HTTP status 422',
        owner: 'laboratory',
      },
    ]);
    await copy.stop();
  });

  it.each([
    [
      'a newer version is taken',
      (name: string, copy: ReturnType<typeof copyOf>, told: ReturnType<typeof createTold>) => {
        told.change(name, 'p');
        copy.wake();
      },
    ],
    [
      'its owner asks for another try',
      (_: string, copy: ReturnType<typeof copyOf>) => copy.retry('Observation', 'bad'),
    ],
    [
      'its owner gives it up',
      (_: string, copy: ReturnType<typeof copyOf>) => copy.discard('Observation', 'bad'),
    ],
  ])('lets go of what was refused when %s', async (_, act) => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    let status = 422;
    service.answer = () => status;
    told.change('Observation/bad', 'p');
    const copy = copyOf(told, service, store);
    copy.start();
    await until(() => copy.status().dead === 1);
    status = 200;
    act('Observation/bad', copy, told);
    await until(() => copy.status().dead === 0 && isDone(copy)());
    expect(store.dead('modern')).toEqual([]);
    expect(() => copy.retry('Observation', 'bad')).toThrow('There is no such resource');
    await copy.stop();
  });

  it('brings first what a refused resource refers to', async () => {
    const [told, service] = [createTold(), createService()];
    const result = [{ reference: 'Observation/a' }];
    service.answer = (name) =>
      name === 'DiagnosticReport/r' && !service.held.has('Observation/a') ? 422 : 200;
    told.change('DiagnosticReport/r', 'p', { result });
    told.change('Observation/a', 'p');
    const copy = copyOf(told, service);
    copy.start();
    await until(isDone(copy));
    expect(copy.status().dead).toBe(0);
    expect([...service.held.keys()].toSorted()).toEqual(['DiagnosticReport/r', 'Observation/a']);
    await copy.stop();
  });

  it('does not wait for ever when two that were refused refer to each other', async () => {
    const [told, service] = [createTold(), createService()];
    service.answer = () => 422;
    told.change('Patient/a', 'a', { link: [{ other: { reference: 'Patient/b' } }] });
    told.change('Patient/b', 'b', { link: [{ other: { reference: 'Patient/a' } }] });
    const copy = copyOf(told, service);
    copy.start();
    await until(() => copy.status().dead === 2);
    await copy.stop();
  });

  it('leaves alone what the service is the origin of, and waits while that cannot be told', async () => {
    const [told, service] = [createTold(), createService()];
    let echo: 'wait' | 'leave' = 'wait';
    let asked = 0;
    const mayCopy = async (_: string, id: string) => {
      if (id !== 'echo') return 'send' as const;
      asked += 1;
      return echo;
    };
    told.change('Observation/echo', 'p');
    told.change('Observation/other', 'q');
    const copy = copyOf(told, service, undefined, { mayCopy });
    copy.start();
    await until(() => service.held.has('Observation/other') && asked > 5);
    expect(copy.status()).toMatchObject({ position: 0, waiting: 1, dead: 0 });
    echo = 'leave';
    await until(isDone(copy));
    expect(service.received).toEqual(['Observation/other v1']);
    expect(copy.status()).toMatchObject({ left: 1, sent: 1 });
    await copy.stop();
  });

  it('brings a type that is configured later from its beginning, and the others not again', async () => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    told.change('Patient/p', 'p');
    told.change('Observation/a', 'p');
    const before = copyOf(told, service, store, { types: ['Patient'] });
    before.start();
    await until(isDone(before));
    await before.stop();
    expect(service.received).toEqual(['Patient/p v1']);
    const after = copyOf(told, service, store, { types: ['Patient', 'Observation'] });
    after.start();
    await until(isDone(after));
    expect(service.received).toEqual(['Patient/p v1', 'Observation/a v1']);
    await after.stop();
  });

  it('holds no more in memory than its window, and goes through the whole log', async () => {
    const [told, service] = [createTold(), createService()];
    for (let nth = 0; nth < 1_200; nth += 1) told.change(`Observation/${nth}`, `p${nth % 7}`);
    const copy = copyOf(told, service, undefined, { window: 50 });
    let most = 0;
    service.before = () => void (most = Math.max(most, copy.status().waiting));
    copy.start();
    await until(isDone(copy));
    expect(service.held.size).toBe(1_200);
    // What one look at the log brings comes on top.
    expect(most).toBeLessThanOrEqual(50 + 500);
    await copy.stop();
  });
});

describe('a copy that is killed', () => {
  it('at any moment goes on in the next process: nothing is lost, and the newest state is the last that was sent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-copy-'));
    try {
      for (let killAt = 1; killAt <= 24; killAt += 1) {
        const [told, service] = [createTold(), createService()];
        for (let nth = 0; nth < 30; nth += 1) told.change(`Observation/${nth % 9}`, `p${nth % 3}`);
        service.answer = (name) => (name === 'Observation/4' ? 422 : 200);
        let requests = 0;
        let dying = false;
        const killed = gate();
        const never = new Promise<void>(() => {});
        // From then on nothing that it awaits comes back: what it had in memory is gone.
        service.before = () => {
          requests += 1;
          // Long enough for the cursor to be written down in between.
          if (requests < killAt) return new Promise((resolve) => setTimeout(() => !dying && resolve(), 3));
          if (requests > killAt + 2) killed.resolve();
          return never;
        };
        const file = join(folder, `${killAt}.sqlite`);
        const first = openFollowerStore(file);
        const before = copyOf(told, service, first, { clock: HASTY });
        before.start();
        await Promise.race([
          killed.promise,
          until(isDone(before)),
          new Promise((resolve) => setTimeout(resolve, 80)),
        ]);
        dying = true;
        first.close();
        for (let nth = 0; nth < 5; nth += 1) told.change(`Observation/${nth}`, `p${nth % 3}`);
        const dead = openFollowerStore(file);
        service.before = () => {};
        const after = copyOf(told, service, dead);
        after.start();
        await until(isDone(after));
        for (const [name, { version }] of told.resources()) {
          if (name === 'Observation/4') continue;
          expect(service.held.get(name)?.['version'], `${name}, killed at ${killAt}`).toBe(version);
        }
        expect(dead.dead('modern')).toMatchObject([{ id: '4' }]);
        await after.stop();
        dead.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('after its owner asked for another try, tries it all the same', async () => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    service.answer = () => 422;
    told.change('Observation/bad', 'p');
    const first = copyOf(told, service, store);
    first.start();
    await until(() => first.status().dead === 1);
    service.before = () => new Promise(() => {});
    first.retry('Observation', 'bad');
    service.answer = () => 200;
    service.before = () => {};
    const second = copyOf(told, service, store);
    second.start();
    await until(() => second.status().dead === 0);
    expect(service.held.has('Observation/bad')).toBe(true);
    await second.stop();
  });

  it('begins anew when the log was made anew', async () => {
    const [told, service] = [createTold(), createService()];
    const store = openFollowerStore(':memory:');
    store.advance('copy modern Observation', 99);
    told.change('Observation/a', 'p');
    const copy = copyOf(told, service, store);
    copy.start();
    await until(isDone(copy));
    expect(service.held.has('Observation/a')).toBe(true);
    await copy.stop();
  });
});
