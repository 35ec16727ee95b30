import { describe, expect, it } from 'vitest';
import { feed, PID, segment } from './feed-support.ts';

/** Systems of v2.1 write `ADT` alone in MSH-9; the event stands in EVN-1. */

const stay = (fields = {}): string => segment('PV1', { 2: 'I', 3: 'W1^1', 19: 'V7^^^HOSP', ...fields });

describe('an event that stands in EVN-1 alone', () => {
  it.each([
    ['A11', 'cancelled'],
    ['A23', 'entered-in-error'],
    ['A03', 'finished'],
    ['A01', 'in-progress'],
  ])('%s makes the stay %s, as it does in MSH-9.2', async (event, status) => {
    const [old, usual] = [feed(), feed()];
    for (const [{ tell }, type, evn] of [
      [old, 'ADT', event],
      [usual, `ADT^${event}`, ''],
    ] as const) {
      tell('ADT^A01', PID, stay());
      tell({ type, evn }, PID, stay());
    }
    const { meta: _one, ...said } = await old.known('Encounter', 'V7');
    const { meta: _other, ...expected } = await usual.known('Encounter', 'V7');
    expect(said).toMatchObject({ status });
    expect(said).toEqual(expected);
  });

  it('merges', async () => {
    const { tell, known } = feed();
    tell('ADT^A28', segment('PID', { 3: '101^^^HOSP', 5: 'Doe^Jo' }));
    tell({ type: 'ADT', evn: 'A40' }, PID, 'MRG|101^^^HOSP');
    expect(await known('Patient', '101')).toMatchObject({ active: false });
  });

  it('counts less than MSH-9.2', async () => {
    const { tell, known } = feed();
    tell({ type: 'ADT^A01', evn: 'A11' }, PID, stay());
    expect(await known('Encounter', 'V7')).toMatchObject({ status: 'in-progress' });
  });
});
