import { describe, expect, it } from 'vitest';
import { createMessageTypes } from '../../../../../adapters/hl7v2/intake/message-types.ts';
import type { KnownMessage } from '../../../../../adapters/hl7v2/intake/message-types.ts';

/** A structure, and the segments that must be there. */
const TABLE: readonly (readonly [what: string, structure: KnownMessage['structure'], required: string])[] = [
  ['required segments', ['MSH', 'EVN', 'PID', 'PD1?', 'NK1*', 'PV1'], 'MSH EVN PID PV1'],
  ['required groups', ['MSH', { group: 'PATIENT', of: ['PID', 'NTE*'] }], 'MSH PID'],
  ['nothing of groups that may be left out', ['MSH', 'SCH', { group: 'PATIENT*', of: ['PID'] }], 'MSH SCH'],
  [
    'the patients of a merge',
    ['MSH', 'EVN', { group: 'PATIENT*', of: ['PID', 'MRG', 'PV1?'] }],
    'MSH EVN PID MRG',
  ],
  [
    'the order of a report',
    [
      'MSH',
      {
        group: 'RESULT*',
        of: [
          { group: 'PATIENT?', of: ['PID'] },
          { group: 'ORDER*', of: ['ORC?', 'OBR', { group: 'OBSERVATION*', of: ['OBX'] }] },
        ],
      },
    ],
    'MSH OBR',
  ],
  ['nothing where nothing is about anybody', ['MSH', { group: 'OTHER*', of: ['ZZZ'] }], 'MSH'],
];

describe('a structure', () => {
  it.each(TABLE)('requires %s', (_what, structure, required) => {
    const types = createMessageTypes([{ message: 'ADT_A01', of: ['ADT^A01'], structure }]);
    expect(types.find({ code: 'ADT', event: 'A01', structure: '' })?.required.join(' ')).toBe(required);
  });

  it('is found by type and event, else by its own name, else by the type alone', () => {
    const types = createMessageTypes([
      { message: 'ADT', of: ['ADT'], structure: ['MSH'] },
      { message: 'ADT_A01', of: ['ADT^A01', 'ADT^A08'], structure: ['MSH'] },
      { message: 'ORU_R01', of: ['ORU^R01'], structure: ['MSH'] },
      { message: 'RSP_K22', of: ['RSP^K22'], structure: ['MSH', 'MSA'] },
    ]);
    const find = (code: string, event: string, structure = ''): string | undefined =>
      types.find({ code, event, structure })?.structure;
    expect(find('ADT', 'A08')).toBe('ADT_A01');
    expect(find('ADT', 'Z01', 'ADT_A01')).toBe('ADT_A01');
    expect(find('ADT', 'Z01')).toBe('ADT');
    expect(find('ORU', 'R30')).toBeUndefined();
    // An answer is nothing that a feed sends.
    expect(find('RSP', 'K22')).toBeUndefined();
    expect([types.knows('ORU'), types.knows('RSP')]).toEqual([true, false]);
  });
});
