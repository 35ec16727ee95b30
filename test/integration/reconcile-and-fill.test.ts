import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { systemClock } from '../../src/clock.ts';
import { createBackfiller } from '../../src/events/backfill.ts';
import { createReconciler } from '../../src/events/reconcile.ts';
import type { Reconciliation } from '../../src/events/reconcile.ts';
import { FicusError } from '../../src/errors.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { createLogger } from '../../src/log.ts';
import type { Clock, FhirResponse, Side } from '../../src/ports.ts';
import { compareAnswers } from '../../src/strangler/compare/compare.ts';
import { createMortal } from '../support/mortal.ts';
import type { Mortal } from '../support/mortal.ts';
import { shippedSeverities } from '../support/severities.ts';
import { appointment, contextOf, openTwoSides, placesOf } from '../support/two-sides.ts';
import type { TwoSides } from '../support/two-sides.ts';

let sandbox: Sandbox;
let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-fill-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
});
afterEach(() => sandbox.close());

const severities = shippedSeverities();
const log = createLogger({ level: 'silent' });
const who = { by: 'ana', reason: 'before the next step' };

const REREAD_MS = 60;

function reconcilerOf(sides: TwoSides, clock: Clock = systemClock) {
  const { writes, stores, backends } = sides;
  return createReconciler({
    outbox: writes.outbox,
    locks: writes.locks,
    store: stores.outbox,
    replicas: stores.replicas,
    reports: stores.reports,
    backends,
    sides: () => ({ legacy: 'clinical', modern: 'bookings' }),
    compare: (legacy, modern) =>
      compareAnswers(
        { kind: 'resource', resource: legacy },
        { kind: 'resource', resource: modern },
        { severities },
      ),
    ownerOf: () => 'bookings team',
    clock,
    log,
    perSecond: 1_000,
    rereadMs: REREAD_MS,
  });
}

function backfillerOf(sides: TwoSides, mortal: Mortal = createMortal(Infinity)) {
  const { writes, stores, backends } = sides;
  return createBackfiller({
    store: mortal.stand(stores.backfills),
    replicas: mortal.stand(stores.replicas),
    outbox: writes.outbox,
    locks: writes.locks,
    backends: new Map([...backends].map(([name, backend]) => [name, mortal.backend(backend)])),
    sides: () => ({ legacy: 'clinical', modern: 'bookings' }),
    parseSearch: sides.parse,
    resolve: async (identifier) => {
      const [system, value = ''] = identifier.split('|');
      if (value === '000') return undefined;
      return system === 'urn:oid:2.999.1.1' ? sides.patientId(value) : undefined;
    },
    ownerOf: () => 'bookings team',
    clock: mortal.clock,
    log,
    attempts: 2,
    firstRetryMs: 2,
    maxRetryMs: 10,
  });
}

function resourceOf({ body }: FhirResponse): Resource {
  if (body.kind !== 'resource') throw new Error(`a ${body.kind} body`);
  return body.resource;
}

const drained = ({ writes }: TwoSides) => writes.delivery.drain(AbortSignal.timeout(30_000));

/** Both systems as they were at first. */
async function reset(): Promise<void> {
  const response = await fetch(`${sandbox.addresses.control}/reset`, { method: 'POST' });
  expect(response.ok).toBe(true);
}

/** Behind the back of Ficus. */
async function plant(sides: TwoSides, side: Side, resource: Resource): Promise<void> {
  const request = { interaction: 'update', type: 'Appointment', id: resource.id!, resource, handling: 'lenient' } as const; // prettier-ignore
  const { status, body } = await sides.backends.get(side === 'legacy' ? 'clinical' : 'bookings')!.handle(request, contextOf()); // prettier-ignore
  if (body.kind === 'pipe') body.discard();
  expect(status).toBeLessThan(300);
}

describe('a reconciliation', () => {
  let sides: TwoSides;
  let patient: string;
  beforeEach(async () => {
    sides = await openTwoSides(placesOf(sandbox), undefined);
    patient = sides.patientId('100012');
    sides.writes.start();
  });
  afterEach(() => sides.close());
  const asked = (repair: Reconciliation['repair'] = 'no'): Reconciliation => ({
    endpoint: 'Appointment.update',
    repair,
    ...who,
  });

  async function three(side: Side): Promise<Resource[]> {
    const made: Resource[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const resource = appointment(
        patient,
        nth,
        side === 'modern' ? { description: 'has no place there' } : {},
      );
      made.push(resourceOf(await sides.write({ interaction: 'create', resource }, side)));
    }
    expect(await drained(sides)).toBe(true);
    return made;
  }

  it.each(['legacy', 'modern'] as const)(
    'finds nothing where nothing is wrong: accepted by %s = legacy = modern',
    async (side) => {
      await three(side);
      const report = await reconcilerOf(sides).run(asked());
      expect(report).toMatchObject({
        state: 'done',
        type: 'Appointment',
        checked: 3,
        same: 3,
        different: 0,
        writes: { accepted: 3, legacy: 3, modern: 3 },
        ...who,
      });
    },
  );

  it.each(['legacy', 'modern'] as const)(
    'finds what is wrong on the other side than %s, says what it would do, and does it',
    async (right) => {
      const made = await three(right);
      const wrong = right === 'legacy' ? 'modern' : 'legacy';
      await plant(sides, wrong, { ...made[1]!, comment: 'planted', description: undefined });
      const reconciler = reconcilerOf(sides);
      const dry = await reconciler.run(asked('dry-run'));
      const drift = [
        { id: made[1]!.id, owner: 'bookings team', signatures: ['changed Appointment.comment'] },
      ];
      expect(dry).toMatchObject({ state: 'done', same: 2, different: 1, drift, repaired: 1, elements: { 'changed Appointment.comment': 1 } }); // prettier-ignore
      expect(sides.writes.outbox.list()).toEqual([]);
      expect(await reconciler.run(asked('apply'))).toMatchObject({ different: 1, repaired: 1 });
      expect(await drained(sides)).toBe(true);
      expect(await reconciler.run(asked())).toMatchObject({ same: 3, different: 0, writes: { accepted: 3 } });
      expect(await sides.writes.outbox.ledger()).toMatchObject({
        accepted: 3,
        repaired: 1,
        delivered: 4,
        balanced: true,
      });
      const held = await sides.held(wrong, patient);
      expect(held.find(({ id }) => id === made[1]!.id)).toMatchObject({ comment: 'appointment 1' });
    },
  );

  it('finds what modern has not at all, and sends it again', async () => {
    await three('legacy');
    await reset();
    // The reset took it from legacy, too: neither side has it, and there is nothing to be right about.
    expect(await reconcilerOf(sides).run(asked())).toMatchObject({ checked: 3, same: 3 });
    const stray = { type: 'Appointment', id: (await legacyId()) ?? '', from: 'legacy', at: 1 } as const;
    await sides.stores.replicas.put(stray);
    const report = await reconcilerOf(sides).run(asked('apply'));
    expect(report).toMatchObject({ different: 1, missing: { legacy: 0, modern: 1 }, repaired: 1 });
    expect(report.drift).toMatchObject([
      { id: stray.id, missingOn: 'modern', signatures: ['missing Appointment'] },
    ]);
    expect(await drained(sides)).toBe(true);
    expect(await reconcilerOf(sides).run(asked())).toMatchObject({ checked: 4, same: 4 });
  });

  /** An appointment that legacy had before. */
  async function legacyId(): Promise<string | undefined> {
    for (const mrn of ['100001', '100002', '100003', '100004']) {
      const [first] = await sides.held('legacy', sides.patientId(mrn));
      if (first) return first.id;
    }
    return undefined;
  }

  it('does not alarm about what is on its way, or was when it was read first', async () => {
    const made = await three('legacy');
    await plant(sides, 'modern', { ...made[0]!, comment: 'planted' });
    const firstReading = Promise.withResolvers<() => void>();
    const reconciler = reconcilerOf(sides, {
      now: () => systemClock.now(),
      after(ms, callback) {
        if (ms !== REREAD_MS) return systemClock.after(ms, callback);
        firstReading.resolve(callback);
        return () => {};
      },
    });
    await reconciler.start(asked());
    const goOn = await firstReading.promise;
    await plant(sides, 'modern', made[0]!);
    await expect(reconciler.start(asked())).rejects.toMatchObject({ code: 'conflict' });
    goOn();
    for (;;) {
      const report = await reconciler.latest('Appointment.search');
      if (report?.state === 'running') await new Promise((resolve) => void setTimeout(resolve, 10));
      else {
        expect(report).toMatchObject({ state: 'done', same: 2, inFlight: 1, different: 0 });
        break;
      }
    }
  });

  it('says what it could not read, and is neither clean nor wrong about it', async () => {
    await three('legacy');
    const { soap, modern } = sandbox.addresses;
    const down = await openTwoSides(
      { soap: soap.replace(/:\d+/, ':1'), modern, credentials: undefined },
      undefined,
    );
    await down.stores.replicas.put({ type: 'Appointment', id: 'x', from: 'legacy', at: 1 });
    const [replica] = await sides.stores.replicas.list('Appointment', undefined, 1);
    await down.stores.replicas.put(replica!);
    const report = await reconcilerOf(down).run(asked());
    expect(report).toMatchObject({
      state: 'done',
      checked: 2,
      same: 1,
      unreadable: 1,
      words: expect.any(String),
    });
    await down.close();
  });
});

describe('a fill', () => {
  const PATIENTS = ['100001', '100002', '100003', '100004', '100005', '100006'];
  const fill = (patients: readonly string[]) =>
    ({ endpoint: 'Appointment.search', patients, perSecond: 1_000, ...who }) as const;

  async function everything(sides: TwoSides, side: Side): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const mrn of PATIENTS) {
      for (const { id, start, status } of await sides.held(side, sides.patientId(mrn)))
        found.push([id, start, status]);
    }
    return found.map((one) => JSON.stringify(one)).toSorted();
  }

  it('takes what legacy holds to modern under our ids, and says how far it is', async () => {
    const sides = await openTwoSides(placesOf(sandbox), undefined);
    const filler = backfillerOf(sides);
    const [first = '', ...others] = PATIENTS;
    const list = [
      sides.patientId(first),
      ...others.map((mrn) => `urn:oid:2.999.1.1|${mrn}`),
      'urn:oid:2.999.1.1|000',
    ];
    const job = await filler.start(fill(list));
    await expect(filler.start(fill(list))).rejects.toMatchObject({ code: 'conflict' });
    const done = await filler.ended(job.id);
    const held = await everything(sides, 'legacy');
    expect(held.length).toBeGreaterThan(3);
    expect(await everything(sides, 'modern')).toEqual(held);
    expect(done).toMatchObject({
      state: 'done',
      total: 7,
      done: 7,
      resources: held.length,
      skipped: 0,
      ...who,
    });
    expect(done?.failures).toEqual([
      { position: 6, words: 'no patient has this identifier', owner: 'bookings team' },
    ]);
    expect((await filler.list()).map(({ id }) => id)).toEqual([job.id]);
    expect(await reconcilerOf(sides).run({ endpoint: 'Appointment.search', repair: 'no', ...who })).toMatchObject({ same: held.length, different: 0 }); // prettier-ignore
    await sides.close();
  });

  it('that is killed anywhere goes on in the next process, and nothing is there twice or missing', async () => {
    let whole: readonly unknown[] | undefined;
    for (let killAt = 2; ; killAt += 3) {
      const file = join(folder, `${++files}.sqlite`);
      await reset();
      const mortal = createMortal(killAt);
      const first = await openTwoSides(placesOf(sandbox), file);
      const filler = backfillerOf(first, mortal);
      const starting = filler.start(fill(PATIENTS.map((mrn) => first.patientId(mrn))));
      const job = await Promise.race([starting, mortal.death]);
      const ended = job === 'dead' ? job : await Promise.race([filler.ended(job.id), mortal.death]);
      await first.abandon();
      const second = await openTwoSides(placesOf(sandbox), file);
      const next = backfillerOf(second);
      await next.resumeAll();
      const [left] = await next.list();
      if (left)
        expect(await next.ended(left.id)).toMatchObject({
          state: 'done',
          done: PATIENTS.length,
          failures: [],
        });
      whole ??= await everything(second, 'legacy');
      if (left) expect(await everything(second, 'modern')).toEqual(whole);
      await second.close();
      if (ended !== 'dead') break;
    }
  });

  it('leaves alone what is newer on modern, because it was written there or is on its way', async () => {
    const sides = await openTwoSides(placesOf(sandbox), undefined);
    const patient = sides.patientId('100001');
    const [known] = await sides.held('legacy', patient);
    const filler = backfillerOf(sides);
    await filler.ended((await filler.start(fill([patient]))).id);
    const newer = { ...known!, comment: 'newer' };
    await sides.write({ interaction: 'update', id: known!.id!, resource: newer }, 'modern');
    // Not delivered yet: legacy still holds the older one.
    const again = await filler.ended((await filler.start(fill([patient]))).id);
    expect(again?.skipped).toBe(1);
    const held = await sides.held('modern', patient);
    expect(held.find(({ id }) => id === known!.id)).toMatchObject({ comment: 'newer' });
    sides.writes.start();
    expect(await drained(sides)).toBe(true);
    expect((await filler.ended((await filler.start(fill([patient]))).id))?.skipped).toBe(1);
    await sides.close();
  });

  it('stops when it is told to, is taken up again, and names what modern refused', async () => {
    let refusing = true;
    const sides = await openTwoSides(placesOf(sandbox), undefined, {
      around: {
        backend: (backend, side) => ({
          handle(request, context) {
            if (side === 'modern' && refusing) throw new FicusError('unavailable', 'down');
            if (
              side === 'modern' &&
              request.interaction === 'update' &&
              request.resource?.['status'] === 'cancelled'
            ) {
              throw new FicusError('unprocessable', 'no cancelled ones here');
            }
            return backend.handle(request, context);
          },
        }),
      },
    });
    const filler = backfillerOf(sides);
    const job = await filler.start(fill(PATIENTS.map((mrn) => sides.patientId(mrn))));
    await new Promise((resolve) => void setTimeout(resolve, 60));
    const stopped = await filler.stop(job.id);
    expect(stopped).toMatchObject({ state: 'stopped', failures: [] });
    expect(stopped.done).toBeLessThan(PATIENTS.length);
    refusing = false;
    await filler.resume(job.id);
    const done = await filler.ended(job.id);
    const held = await everything(sides, 'legacy');
    const cancelled = held.filter((one) => String(one).includes('cancelled')).length;
    expect(done).toMatchObject({ state: 'done', resources: held.length - cancelled });
    expect(done?.failures.map(({ words, owner }) => [words, owner])).toEqual(
      Array.from({ length: cancelled }, () => ['no cancelled ones here', 'bookings team']),
    );
    await expect(filler.resume(job.id)).rejects.toMatchObject({ code: 'conflict' });
    await sides.close();
  });
});
