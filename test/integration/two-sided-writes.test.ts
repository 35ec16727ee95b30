import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import type { Resource } from '../../src/fhir/types.ts';
import type { FhirResponse } from '../../src/ports.ts';
import { appointment, contextOf, openTwoSides, placesOf, textAt } from '../support/two-sides.ts';
import type { TwoSides } from '../support/two-sides.ts';

let sandbox: Sandbox;
let sides: TwoSides;
let patient: string;
let nth = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  nth += 1;
  sides = await openTwoSides(placesOf(sandbox), undefined);
  patient = sides.patientId(String(100_010 + nth));
});
afterEach(() => sides.close());

function resourceOf({ body }: FhirResponse): Resource {
  if (body.kind !== 'resource') throw new Error(`a ${body.kind} body`);
  return body.resource;
}

const drained = () => sides.writes.delivery.drain(AbortSignal.timeout(30_000));
const isNew = (resource: Resource) => textAt(resource, 'start') > '2027-12';
const held = async (side: 'legacy' | 'modern') => (await sides.held(side, patient)).filter(isNew);

describe('a write by legacy', () => {
  it('is answered by legacy, owed to modern, and copied there under the same id as legacy holds it', async () => {
    const response = await sides.write(
      { interaction: 'create', resource: appointment(patient, 1) },
      'legacy',
    );
    expect(response).toMatchObject({ status: 201, servedBy: 'legacy:clinical' });
    const made = resourceOf(response);
    expect(sides.writes.pins.behind('modern', { type: 'Appointment', patient })).toBe(true);
    expect(sides.writes.pins.behind('modern', { type: 'Appointment', id: made.id! })).toBe(true);
    expect(sides.writes.pins.behind('legacy', { type: 'Appointment', patient })).toBe(false);
    expect(sides.writes.pins.owed('modern')).toMatchObject({ count: 1, dead: 0 });
    sides.writes.start();
    expect(await drained()).toBe(true);
    const [copy, ...more] = await held('modern');
    expect(more).toEqual([]);
    const { meta: _meta, ...content } = made;
    expect(copy).toMatchObject(content);
    expect(sides.writes.pins.behind('modern', { type: 'Appointment', patient })).toBe(false);
    expect(await sides.writes.outbox.ledger()).toMatchObject({
      accepted: 1,
      delivered: 1,
      pending: 0,
      balanced: true,
    });
  });

  it('copies later changes, too', async () => {
    sides.writes.start();
    const made = resourceOf(
      await sides.write({ interaction: 'create', resource: appointment(patient, 2) }, 'legacy'),
    );
    const changed = { ...made, comment: 'anders' };
    const response = await sides.write({ interaction: 'update', id: made.id!, resource: changed }, 'legacy');
    expect(response.status).toBe(200);
    expect(await drained()).toBe(true);
    expect(await held('modern')).toMatchObject([{ id: made.id, comment: 'anders' }]);
  });

  it('that legacy refuses is told, and owed to nobody', async () => {
    const resource = appointment(patient, 3, { description: 'has no place there' });
    await expect(sides.write({ interaction: 'create', resource }, 'legacy')).rejects.toMatchObject({
      code: 'unmappable',
    });
    expect(sides.writes.outbox.list()).toEqual([]);
    expect(await sides.writes.outbox.ledger()).toMatchObject({ accepted: 0, refused: 1 });
  });
});

describe('a write by modern', () => {
  it('is answered by modern under an id of ours, and made in legacy, where it keeps that id', async () => {
    const response = await sides.write(
      { interaction: 'create', resource: appointment(patient, 4) },
      'modern',
    );
    expect(response).toMatchObject({ status: 201, servedBy: 'modern:bookings' });
    const made = resourceOf(response);
    expect(response.headers['location']).toMatch(new RegExp(`^Appointment/${made.id}`));
    expect(sides.writes.pins.behind('legacy', { type: 'Appointment', patient })).toBe(true);
    sides.writes.start();
    expect(await drained()).toBe(true);
    expect(await held('legacy')).toMatchObject([{ id: made.id, comment: 'appointment 4' }]);
    const read = { interaction: 'read', type: 'Appointment', id: made.id!, handling: 'lenient' } as const;
    const back = await sides.backends.get('clinical')!.handle(read, contextOf());
    expect(resourceOf(back)).toMatchObject({ id: made.id, start: expect.any(String) });
  });

  it('changes in legacy what was made there or here, and leaves out what has no place', async () => {
    sides.writes.start();
    const made = resourceOf(
      await sides.write({ interaction: 'create', resource: appointment(patient, 5) }, 'modern'),
    );
    const changed = { ...made, comment: 'anders', description: 'has no place there' };
    await sides.write({ interaction: 'update', id: made.id!, resource: changed }, 'modern');
    expect(await drained()).toBe(true);
    expect(await held('legacy')).toMatchObject([{ id: made.id, comment: 'anders' }]);
    const { leftOut, balanced } = await sides.writes.outbox.ledger();
    expect({ leftOut, balanced }).toEqual({ leftOut: { 'Appointment.description': 1 }, balanced: true });
  });

  it('is refused by If-Match when the version is another', async () => {
    const made = await sides.write({ interaction: 'create', resource: appointment(patient, 6) }, 'modern');
    const resource = { ...resourceOf(made), comment: 'anders' };
    const id = resource.id!;
    const stale = await sides.write({ interaction: 'update', id, resource, ifMatch: '9' }, 'modern');
    expect(stale.status).toBe(412);
    if (stale.body.kind === 'pipe') stale.body.discard();
    expect(sides.writes.outbox.list()).toHaveLength(1);
    expect((await sides.write({ interaction: 'update', id, resource, ifMatch: '1' }, 'modern')).status).toBe(
      200,
    );
    expect((await sides.writes.outbox.ledger()).refused).toBe(1);
  });
});

describe.each(['legacy', 'modern'] as const)('If-None-Exist on the %s side', (side) => {
  it('makes one of eight at once', async () => {
    const value = `visit-${side}-${nth}`;
    const identifier = [{ system: 'urn:oid:2.999.1.99', value }];
    const ifNoneExist = sides.parse('Appointment', [['identifier', `urn:oid:2.999.1.99|${value}`]]);
    const resource = appointment(patient, 10, { identifier });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => sides.write({ interaction: 'create', resource, ifNoneExist }, side)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    expect(new Set(answers.map((answer) => resourceOf(answer).id)).size).toBe(1);
    sides.writes.start();
    expect(await drained()).toBe(true);
    for (const one of ['legacy', 'modern'] as const) expect(await held(one)).toHaveLength(1);
    expect(await sides.writes.outbox.ledger()).toMatchObject({ accepted: 1, delivered: 1 });
  });
});
