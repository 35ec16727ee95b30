import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import type { JsonObject, Resource } from '../../src/fhir/types.ts';
import type { FhirResponse, Side, WriteAttempt } from '../../src/ports.ts';
import { createMortal } from '../support/mortal.ts';
import type { Mortal } from '../support/mortal.ts';
import { appointment, openTwoSides, placesOf, textAt } from '../support/two-sides.ts';
import type { TwoSides, WriteRequest } from '../support/two-sides.ts';

/**
 * The process dies at every step of a write: before and after each commit, each exchange with either side, in the request, in
 * delivery, in recovery. The next process finds one copy on each side, the same, or none on both.
 */
let sandbox: Sandbox;
let folder: string;
beforeAll(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
  folder = mkdtempSync(join(tmpdir(), 'ficus-write-crash-'));
});
afterAll(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

const SIDES = ['legacy', 'modern'] as const;
let serial = 0;

/** What the client heard before the process died: its answer, or nothing. */
type Heard = FhirResponse | 'dead';

interface Life {
  readonly heard: Heard;
  readonly died: boolean;
}

/** One process over the file: writes if it is told to, then delivers and asks until nothing is left, or it dies. */
async function live(
  file: string,
  mortal: Mortal,
  write?: { readonly request: WriteRequest; readonly side: Side },
): Promise<Life> {
  const opening = openTwoSides(placesOf(sandbox), file, {
    clock: mortal.clock,
    around: {
      stores: (stores) => ({
        ...stores,
        outbox: mortal.stand(stores.outbox),
        idempotency: mortal.stand(stores.idempotency),
      }),
      backend: (backend) => mortal.backend(backend),
    },
  });
  const sides = await Promise.race([opening, mortal.death]);
  if (sides === 'dead') return { heard: 'dead', died: true };
  sides.writes.start();
  let heard: Heard = 'dead';
  if (write) heard = await Promise.race([sides.write(write.request, write.side), mortal.death]);
  const done = mortal.isDead ? 'dead' : await Promise.race([finished(sides), mortal.death]);
  if (done !== 'dead') expect(done).toBe(true);
  await (mortal.isDead ? sides.abandon() : sides.close());
  return { heard, died: mortal.isDead };
}

async function finished({ writes }: TwoSides): Promise<boolean> {
  const signal = AbortSignal.timeout(60_000);
  return (await writes.recovery.settled(signal)) && writes.delivery.drain(signal);
}

/** What both sides hold with this mark, after everything has come to rest. */
async function rest(
  file: string,
  patient: string,
  mark: string,
): Promise<Readonly<Record<Side, readonly Resource[]>>> {
  const sides = await openTwoSides(placesOf(sandbox), file);
  sides.writes.start();
  expect(await finished(sides)).toBe(true);
  expect(sides.writes.outbox.list()).toEqual([]);
  expect((await sides.writes.outbox.ledger()).balanced).toBe(true);
  const marked = async (side: Side) =>
    (await sides.held(side, patient)).filter((resource) => textAt(resource, 'comment').startsWith(mark));
  const found = { legacy: await marked('legacy'), modern: await marked('modern') };
  await sides.close();
  return found;
}

/** The part of an appointment that both sides can hold; legacy says more of whose it is. */
function said(resource: Resource): object {
  const { id, status, comment } = resource;
  const [start, end] = ['start', 'end'].map((name) => Date.parse(textAt(resource, name)));
  const actors = (resource['participant'] as JsonObject[]).map(
    ({ actor }) => (actor as JsonObject)['reference'],
  );
  return { id, status, start, end, comment, actors };
}

async function patientOf(mrn: number): Promise<string> {
  const sides = await openTwoSides(placesOf(sandbox), undefined);
  await sides.close();
  return sides.patientId(String(mrn));
}

/** Kills at every step until a life goes by without a death. */
async function everyStep(least: number, run: (killAt: number) => Promise<boolean>): Promise<void> {
  let killAt = 1;
  while (await run(killAt)) killAt += 1;
  expect(killAt).toBeGreaterThan(least);
}

describe.each(SIDES)('a create by %s', (side) => {
  const mrn = side === 'legacy' ? 100_020 : 100_021;

  it('is on both sides or on neither, whenever the process dies', async () => {
    const patient = await patientOf(mrn);
    await everyStep(12, async (killAt) => {
      const file = join(folder, `${++serial}.sqlite`);
      const mark = `create ${side} ${killAt}.`;
      const request: WriteRequest = {
        interaction: 'create',
        resource: appointment(patient, killAt, { comment: mark }),
      };
      const { heard, died } = await live(file, createMortal(killAt), { request, side });
      // The second process dies, too, somewhere in recovery or delivery.
      if (died) await live(file, createMortal(2 + ((killAt * 5) % 14)));
      const { legacy, modern } = await rest(file, patient, mark);
      const told = heard !== 'dead' && heard.status === 201;
      expect([killAt, legacy.length, modern.length]).toEqual([
        killAt,
        modern.length,
        told ? 1 : legacy.length,
      ]);
      expect(legacy.length).toBeLessThanOrEqual(1);
      expect(modern.map(said)).toEqual(legacy.map(said));
      return died;
    });
  });

  it('that is repeated with its key is done once', async () => {
    const patient = await patientOf(mrn + 2);
    await everyStep(12, async (killAt) => {
      const file = join(folder, `${++serial}.sqlite`);
      const mark = `repeat ${side} ${killAt}.`;
      const attempt: WriteAttempt = {
        writeId: `w-${side}-${killAt}`,
        backend: side === 'legacy' ? 'clinical' : 'bookings',
      };
      const resource = appointment(patient, killAt, { comment: mark });
      const first = await live(file, createMortal(killAt), {
        request: { interaction: 'create', resource, attempt },
        side,
      });
      const again: WriteRequest = {
        interaction: 'create',
        resource,
        attempt: { ...attempt, doubtful: 'ask-then-send' },
      };
      const second = await live(file, createMortal(Infinity), { request: again, side });
      expect(second.heard).toMatchObject({ status: 201, body: { kind: 'resource' } });
      const { legacy, modern } = await rest(file, patient, mark);
      expect([killAt, legacy.length, modern.length]).toEqual([killAt, 1, 1]);
      expect(modern.map(said)).toEqual(legacy.map(said));
      const answer =
        second.heard !== 'dead' && second.heard.body.kind === 'resource'
          ? second.heard.body.resource
          : undefined;
      expect(answer?.id).toBe(legacy[0]?.id);
      return first.died;
    });
  });
});

describe.each(SIDES)('an update by %s', (side) => {
  it.each(SIDES)('of what %s made is on both sides or on neither', async (maker) => {
    const patient = await patientOf((side === 'legacy' ? 100_024 : 100_026) + (maker === 'legacy' ? 0 : 1));
    await everyStep(12, async (killAt) => {
      const file = join(folder, `${++serial}.sqlite`);
      const mark = `update ${side} ${maker} ${killAt}.`;
      const resource = appointment(patient, killAt, { comment: `${mark} before` });
      const made = await live(file, createMortal(Infinity), {
        request: { interaction: 'create', resource },
        side: maker,
      });
      if (made.heard === 'dead' || made.heard.body.kind !== 'resource') throw new Error('nothing was made');
      const { meta: _meta, ...before } = made.heard.body.resource;
      const after: Resource = { ...before, resourceType: 'Appointment', comment: `${mark} after` };
      const request: WriteRequest = { interaction: 'update', id: before.id!, resource: after };
      const { heard, died } = await live(file, createMortal(killAt), { request, side });
      if (died) await live(file, createMortal(2 + ((killAt * 5) % 14)));
      const { legacy, modern } = await rest(file, patient, mark);
      expect([killAt, legacy.length, modern.length]).toEqual([killAt, 1, 1]);
      expect(modern.map(said)).toEqual(legacy.map(said));
      if (heard !== 'dead') expect(legacy[0]).toMatchObject({ id: before.id, comment: `${mark} after` });
      return died;
    });
  });
});
