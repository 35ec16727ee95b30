import { describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import { openScene } from './hl7v2-core.ts';
import { ORDER, VISITS, identifiers } from './hl7v2-write-scene.ts';

describe('ServiceRequest.create (OML^O21)', () => {
  it('places the order with the patient as the core has it and a placer number of ours', async () => {
    const scene = await openScene({ tapped: true });
    const note = [{ text: 'nüchtern' }];
    const created = await scene.source.create(
      'ServiceRequest',
      { ...ORDER, priority: 'stat', note },
      scene.context(),
    );
    const [order] = scene.core.hospital().orders.all();
    expect(created).toMatchObject({
      id: `FICUS|${order!.placerNumber}`,
      status: 'active',
      intent: 'order',
      priority: 'stat',
      note,
      subject: { reference: 'Patient/HOSP|100001' },
    });
    expect(identifiers(created)).toEqual([`urn:oid:2.999.1.99|${order!.placerNumber}`, 'undefined|F70001']);
    expect(order).toMatchObject({ patient: 'HOSP|100001', serviceCode: '718-7', placerNamespace: 'FICUS' });
    const lines = scene.sent().at(-1)!.trimEnd().split('\r');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['MSH', 'PID', 'ORC', 'TQ1', 'OBR', 'NTE']);
    expect(lines[1]).toContain('Haller^Johanna^Maria');
  });

  it('says in PV1-19 which visit the order belongs to', async () => {
    const scene = await openScene({ tapped: true, ...VISITS });
    const encounter = { reference: 'Encounter/ENC|V7001' };
    const created = await scene.source.create('ServiceRequest', { ...ORDER, encounter }, scene.context());
    expect(created).toMatchObject({ encounter });
    expect(scene.core.hospital().orders.all()).toMatchObject([{ visit: 'V7001' }]);
    const lines = scene.sent().at(-1)!.trimEnd().split('\r');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['MSH', 'PID', 'PV1', 'ORC', 'OBR']);
    expect(lines[2]).toBe(`PV1||U${'|'.repeat(17)}V7001^^^VISIT`);
  });

  it('refuses the visit of another patient, saying which element', async () => {
    const scene = await openScene({ ...VISITS });
    const encounter = { reference: 'Encounter/ENC|V7003' };
    const creating = scene.source.create('ServiceRequest', { ...ORDER, encounter }, scene.context());
    await expect(creating).rejects.toMatchObject({
      code: 'unprocessable',
      issues: [{ expression: ['ServiceRequest.encounter'] }],
    });
    expect(scene.core.hospital().orders.all()).toEqual([]);
  });

  it('refuses a priority that HL7 table 0485 has no code for, and makes nothing else of it', async () => {
    const scene = await openScene();
    const order = { ...ORDER, priority: 'urgent' };
    const creating = scene.source.create('ServiceRequest', order, scene.context());
    await expect(creating).rejects.toMatchObject({
      code: 'unmappable',
      issues: [{ expression: ['ServiceRequest.priority'] }],
    });
    expect(scene.received('OML^O21')).toEqual([]);
  });

  it('finds the patient by an identifier, too, and by a number that was merged away', async () => {
    const scene = await openScene();
    const subjects = [
      { identifier: { system: 'urn:oid:2.999.1.2', value: 'C-20011' } },
      { reference: 'Patient/HOSP|100077' },
    ];
    for (const subject of subjects) {
      const created = await scene.source.create('ServiceRequest', { ...ORDER, subject }, scene.context());
      expect(created).toMatchObject({ subject: { reference: 'Patient/HOSP|100002' } });
    }
    expect(
      scene.core
        .hospital()
        .orders.all()
        .map(({ patient }) => patient),
    ).toEqual(['HOSP|100002', 'HOSP|100002']);
  });

  it.each([
    ['nobody', undefined, 'value-required'],
    ['an unknown patient', { reference: 'Patient/HOSP|999999' }, 'unprocessable'],
    ['something else', { reference: 'Group/HOSP|1' }, 'unprocessable'],
    ['somebody by words', { display: 'Mrs Haller' }, 'unprocessable'],
  ])('refuses an order for %s', async (_who, subject, code) => {
    const scene = await openScene();
    const { subject: _none, ...rest } = ORDER;
    const order = { ...rest, ...(subject ? { subject } : {}) } as Resource;
    const creating = scene.source.create('ServiceRequest', order, scene.context());
    await expect(creating).rejects.toMatchObject({
      code,
      issues: [{ expression: ['ServiceRequest.subject'] }],
    });
    expect(scene.core.hospital().orders.all()).toEqual([]);
  });

  it('says which element the filler refused', async () => {
    const scene = await openScene();
    const code = { coding: [{ system: 'http://loinc.org', code: '1-1' }] };
    const creating = scene.source.create('ServiceRequest', { ...ORDER, code }, scene.context());
    await expect(creating).rejects.toMatchObject({
      code: 'code-invalid',
      status: 422,
      issues: [{ code: 'code-invalid', expression: ['ServiceRequest.code'] }],
    });
  });

  it.each(['original', 'enhanced'] as const)('in %s acknowledgement mode', async (acknowledgement) => {
    const scene = await openScene({ acknowledgement });
    expect(await scene.source.create('ServiceRequest', ORDER, scene.context())).toMatchObject({
      status: 'active',
    });
  });
});
