import { describe, expect, it } from 'vitest';
import { promisedAnswer } from '../../../../../adapters/hl7v2/intake/promised.ts';
import type { InterfaceProfile } from '../../../../../adapters/hl7v2/intake/profile.ts';
import type { MessageRecord } from '../../../../../src/feed-ports.ts';
import { EVN, PID, messageOf, profileOf, said, types } from './support.ts';

const record = (changes: Partial<MessageRecord> = {}): MessageRecord => ({
  seq: 7,
  source: 'lab',
  sender: 'LAB|NORD',
  controlId: 'M1',
  type: 'ADT^A01',
  receivedAt: 1_000,
  state: 'processed',
  stateAt: 2_000,
  repeats: 0,
  replays: 0,
  size: 100,
  ...changes,
});

function promised(
  text: string,
  changes: Partial<MessageRecord> = {},
  profile: Partial<InterfaceProfile> = {},
) {
  return promisedAnswer(Buffer.from(text, 'latin1'), record(changes), {
    profile: profileOf(profile),
    types,
    controlId: () => 'A1',
    now: 3_000,
  });
}

describe('what a message of the inbox is owed', () => {
  const parked = { state: 'parked', reason: 'mapping-needed' } as const;

  it.each([
    [{ accept: 'AL', applicationAck: 'AL' }, {}, ['MSA|AA|M1']],
    [{ applicationAck: 'AL' }, { state: 'superseded' }, ['MSA|AA|M1']],
    [{ applicationAck: 'AL' }, parked, ['MSA|AE|M1', 'ERR||MSH^1|103^Table value not found^HL70357|E']],
    [
      { applicationAck: 'AL' },
      { ...parked, detail: 'codes that nobody mapped: OBX[2]-5.1 (map x)' },
      ['MSA|AE|M1', 'ERR||OBX^2^5|103^Table value not found^HL70357|E'],
    ],
    [
      { applicationAck: 'AL' },
      { state: 'parked', reason: 'unknown-authority', detail: 'PID-3: no number' },
      ['MSA|AE|M1', 'ERR||PID^1^3|204^Unknown key identifier^HL70357|E'],
    ],
    [{ applicationAck: 'ER' }, {}, []],
    [{ applicationAck: 'SU' }, parked, []],
    [{ applicationAck: 'NE' }, {}, []],
    [{ accept: 'AL' }, {}, []],
    [{}, {}, []],
    [{ applicationAck: 'AL' }, { state: 'waiting' }, []],
    [{ applicationAck: 'AL' }, { state: 'rejected', reason: 'malformed' }, []],
    [{ applicationAck: 'AL' }, { state: 'parked', reason: 'control-id-reused' }, []],
  ] as const)('of MSH-15 and MSH-16 %o, ended as %o: %o', (head, changes, answer) => {
    const found = promised(messageOf(head), changes);
    expect(said(found?.payload).map((line) => line.split('|').slice(0, 5).join('|'))).toEqual(answer);
    if (found) expect(found).toMatchObject({ seq: 7, since: 3_000, code: answer[0]?.slice(4, 6) });
  });

  it('asks for an accept acknowledgement, as a message of its own', () => {
    const { payload } = promised(messageOf({ applicationAck: 'AL' }))!;
    const fields = Buffer.from(payload).toString('latin1').split('\r')[0]!.split('|');
    expect([fields[2], fields[4], fields[9], fields[14], fields[15]]).toEqual([
      'FICUS',
      'LAB',
      'A1',
      'AL',
      'NE',
    ]);
  });

  it('is nothing where the message was refused when it came, where the interface does not ask, and of an acknowledgement', () => {
    const head = { applicationAck: 'AL' };
    expect(promised(messageOf(head, [EVN]), { ...parked, reason: 'malformed' })).toBeUndefined();
    expect(promised(messageOf(head), {}, { acknowledge: 'original' })).toBeUndefined();
    expect(promised(messageOf({ ...head, type: 'ACK' }, ['MSA|AA|X']))).toBeUndefined();
    expect(promised('no message', parked)).toBeUndefined();
    expect(promised(messageOf(head, [EVN, PID]), parked)).toBeDefined();
  });
});
