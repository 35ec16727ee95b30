import { describe, expect, it } from 'vitest';
import { feed, PID, segment } from './feed-support.ts';

/** What ORC-1 and ORC-5 (as `SC=CM`) make of an order, one message after another: docs/coverage.md. */

describe('an order', () => {
  const statusAfter = async (type: string, kind: string, detail: string, controls: readonly string[]) => {
    const { tell, known } = feed();
    for (const control of controls) {
      const [code = '', status = ''] = control.split(' ');
      tell(kind, PID, segment('ORC', { 1: code, 2: 'O1^HOSP', 5: status }), detail);
    }
    return (await known(type, 'O1'))['status'];
  };

  it.each([
    ['revoked', 'NW DC CA'],
    ['revoked', 'NW OC OK'],
    ['revoked', 'NW CR RL'],
    ['revoked', 'NW OD XO'],
    ['revoked', 'NW DR ZZ'],
    ['on-hold', 'NW OH HD'],
    ['on-hold', 'NW HR OK'],
    ['on-hold', 'NW HR UR'],
    ['active', 'NW HR RL'],
    ['active', 'NW OH OE'],
    ['active', 'NW HR OR'],
    ['active', 'NW CA UC'],
    ['active', 'NW HD UH'],
    ['active', 'NW UX'],
    ['active', 'NW UF'],
    ['active', 'NW DE'],
    ['unknown', 'NW UA'],
    ['active', 'NW UA OK'],
    ['unknown', 'UA'],
    ['unknown', 'UX'],
    ['unknown', 'ZZ'],
    ['unknown', 'NW DC UD'],
    ['unknown', 'NW RP UM'],
    ['unknown', 'NW HR RL UR'],
    ['revoked', 'NW RP'],
    ['revoked', 'NW RQ'],
    ['revoked', 'NW RU'],
    ['active', 'RO'],
    ['completed', 'NW SC=CM OK'],
    ['completed', 'NW SC=CM UC'],
    ['unknown', 'NW SC=??'],
  ])('is %s after %s', async (status, controls) => {
    const said = controls.split(' ').map((control) => control.replace('=', ' '));
    const detail = 'OBR|1|O1^HOSP||718-7^Hb^LN';
    expect(await statusAfter('ServiceRequest', 'OML^O21', detail, said)).toBe(status);
  });

  it.each([
    ['cancelled', 'NW CA'],
    ['unknown', 'NW CA UC'],
    ['unknown', 'NW DC UD'],
    ['stopped', 'NW OD RF'],
    ['stopped', 'NW OD RE'],
    ['stopped', 'NW OD XX'],
    ['stopped', 'NW OD OE'],
    ['stopped', 'NW RQ'],
    ['stopped', 'NW RU'],
    ['active', 'NW RF DF'],
    ['active', 'NW RF UF'],
    ['active', 'NW OH OE'],
    ['active', 'NW SC=CM AF'],
    ['unknown', 'PR'],
    ['stopped', 'NW OD PR'],
    ['unknown', 'NW UA'],
    ['unknown', 'NW SC=??'],
  ])('of a drug is %s after %s', async (status, controls) => {
    const said = controls.split(' ').map((control) => control.replace('=', ' '));
    expect(await statusAfter('MedicationRequest', 'OMP^O09', 'RXO|ASA^Aspirin^L', said)).toBe(status);
  });
});
