import { describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import { openScene } from './hl7v2-core.ts';

const ORDER: Resource = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/HOSP|100001' },
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
};

/** Places an order; the result, and the segments that the core got by their names. */
async function place(more: Record<string, unknown>) {
  const scene = await openScene({ tapped: true });
  const created = await scene.source.create(
    'ServiceRequest',
    { ...ORDER, ...more } as Resource,
    scene.context(),
  );
  const lines = scene.sent().at(-1)!.trimEnd().split('\r');
  return { created, segments: new Map(lines.map((line) => [line.slice(0, 3), line])) };
}

describe('the timing of an order (OML^O21, TQ1)', () => {
  it('has the priority in TQ1-9, since HL7 v2.5 does not use OBR-5: a STAT order must not pass for a routine one', async () => {
    const { created, segments } = await place({ priority: 'stat' });
    expect(created).toMatchObject({ priority: 'stat' });
    expect([...segments.keys()]).toEqual(['MSH', 'PID', 'ORC', 'TQ1', 'OBR']);
    expect(segments.get('TQ1')).toBe('TQ1|||||||||S');
    expect(segments.get('OBR')!.split('|')[5] ?? '').toBe('');
  });

  it('says from when to when the order is to be carried out, and how often', async () => {
    const occurrenceTiming = {
      repeat: { boundsPeriod: { start: '2031-03-01', end: '2031-03-04' }, count: 6 },
    };
    const { created, segments } = await place({ occurrenceTiming });
    expect(created).toMatchObject({ occurrenceTiming });
    expect(segments.get('TQ1')).toBe('TQ1|||||||20310301|20310304||||||6');
  });

  it('is left out where nothing is said of it', async () => {
    const { segments } = await place({});
    expect([...segments.keys()]).toEqual(['MSH', 'PID', 'ORC', 'OBR']);
  });
});
