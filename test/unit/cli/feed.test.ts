import { describe, expect, it } from 'vitest';
import { formatFieldsOfMessage } from '../../../src/cli/feed/explain.ts';
import { formatMessage } from '../../../src/cli/feed/messages.ts';
import { formatRehearsals } from '../../../src/cli/feed/replay.ts';

const MESSAGE = {
  seq: 7,
  interface: 'hospix',
  sender: 'HOSPIX|MAIN',
  controlId: 'M7',
  type: 'ADT^A01',
  receivedAt: '2026-11-22T10:00:00.000Z',
  state: 'processed',
  stateAt: '2026-11-22T10:00:01.000Z',
  repeats: 0,
  replays: 0,
  size: 300,
};
const LATER = Date.parse('2026-11-22T10:03:00.000Z');

describe('a message of the inbox', () => {
  it.each([
    [MESSAGE, 'processed'],
    [{ ...MESSAGE, repeats: 1, replays: 1 }, 'processed; came twice; replayed once'],
    [{ ...MESSAGE, repeats: 2, replays: 2 }, 'processed; came 3 times; replayed 2 times'],
    [
      {
        ...MESSAGE,
        state: 'parked',
        reason: 'decode-error',
        detail: 'PID-5 holds a byte',
        owner: 'integration',
      },
      'parked (decode-error): PID-5 holds a byte; owner integration',
    ],
  ])('is told in two lines', (message, words) => {
    const [first, second] = formatMessage(message, LATER).split('\n');
    expect(first).toBe(
      '     7  2026-11-22 10:00 UTC  ADT^A01  M7  from HOSPIX|MAIN over hospix, 3 minutes ago',
    );
    expect(second).toBe(`        ${words}`);
  });
});

describe('the fields of a message', () => {
  const row = { map: 'PID <-> Patient', row: '{ v2: PID-5, fhir: name }', origin: 'pid.yaml:14' };

  it('say where they went, by which row, and why not, without saying their place twice', () => {
    const fields = [
      {
        segment: 'PID',
        field: 'PID-1',
        text: '1',
        fate: 'dropped' as const,
        why: ['PID-1 dropped: a number'],
        rows: [],
      },
      {
        segment: 'PID',
        field: 'PID-5',
        text: 'Korn',
        fate: 'mapped' as const,
        why: [],
        rows: [{ ...row, element: 'Patient.name' }],
      },
      {
        segment: 'OBX[2]',
        field: 'OBX-1',
        text: '2',
        fate: 'dropped' as const,
        why: ['OBX[2]-1 dropped: a number'],
        rows: [],
      },
      { segment: 'OBX[2]', field: 'OBX-2', text: 'NM', fate: 'mapped' as const, why: [], rows: [row] },
    ];
    expect(formatFieldsOfMessage(fields, false).split('\n')).toEqual([
      'PID',
      '  PID-1   1',
      '          dropped; a number',
      '  PID-5   Korn',
      '          mapped -> Patient.name',
      '',
      'OBX[2]',
      '  OBX-1   2',
      '          dropped; a number',
      '  OBX-2   NM',
      '          mapped',
    ]);
    expect(formatFieldsOfMessage(fields, true)).toContain(
      '          { v2: PID-5, fhir: name }\n          pid.yaml:14',
    );
  });
});

describe('what a replay would do', () => {
  it('is told message by message', () => {
    const words = formatRehearsals([
      {
        seq: 1,
        state: 'processed',
        would: 'change',
        changes: [{ type: 'Patient', id: 'a', paths: ['name[0].family'] }],
      },
      { seq: 2, state: 'rejected', would: 'impossible', detail: 'its sender was told no', changes: [] },
      { seq: 3, state: 'unknown', would: 'impossible', detail: 'there is no such message', changes: [] },
    ]);
    expect(words.split('\n')).toEqual([
      '1 (processed) would change',
      '    Patient/a: name[0].family',
      '2 (rejected) cannot be replayed: its sender was told no',
      '3 cannot be replayed: there is no such message',
    ]);
    expect(formatRehearsals([])).toBe('There are no such messages.');
  });
});
