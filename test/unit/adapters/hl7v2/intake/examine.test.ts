import { describe, expect, it } from 'vitest';
import { answerNow, askedFor, writeAnswer } from '../../../../../adapters/hl7v2/intake/answer.ts';
import { examine } from '../../../../../adapters/hl7v2/intake/examine.ts';
import type { InterfaceProfile } from '../../../../../adapters/hl7v2/intake/profile.ts';
import { parseMessage } from '../../../../../adapters/hl7v2/parse.ts';
import { EVN, PID, PV1, messageOf, mshOf, profileOf, said, types } from './support.ts';
import type { Head } from './support.ts';

interface Row {
  readonly what: string;
  /** Bytes as latin1. */
  readonly message: string;
  readonly profile?: Partial<InterfaceProfile>;
  readonly certificateAllowed?: false;
  /** Segments of the answer behind MSH. */
  readonly answer: readonly string[];
  /** `rejected malformed`; nothing when it is taken. */
  readonly verdict?: string;
}

const adt = (head: Head = {}, ...segments: readonly string[]): string =>
  messageOf(head, segments.length > 0 ? segments : [EVN, PID, PV1]);
const report = (...segments: readonly string[]): string => messageOf({ type: 'ORU^R01^ORU_R01' }, segments);

const ADVICE = {
  malformed: 'The message lacks something without which it means nothing.',
  'not-supported': 'This interface does not take such messages.',
  'not-allowed': 'This interface does not know the sender.',
  'decode-error': 'The message is not in the character set of this interface.',
};
/** An ERR segment of v2.5 and later. */
const err = (place: string, code: string, reason: keyof typeof ADVICE, words: string): string =>
  `ERR||${place}|${code}^HL70357|E|${reason}^^L||${words}|${ADVICE[reason]}`;
const lacking = (place: string, words: string): string =>
  err(place, '101^Required field missing', 'malformed', words);
const unusable = (words: string): string => err('MSH^1^2', '102^Data type error', 'malformed', words);
const absent = (segment: string): string =>
  err(`${segment}^1`, '100^Segment sequence error', 'malformed', `${segment} is missing`);

const ROWS: readonly Row[] = [
  { what: 'a complete admission', message: adt(), answer: ['MSA|AA|M1'] },
  { what: 'an admission that leaves out EVN and PV1', message: adt({}, PID), answer: ['MSA|AA|M1'] },
  {
    what: 'the same where the interface is strict',
    message: adt({}, PID),
    profile: { strictness: 'strict' },
    answer: ['MSA|AE|M1', absent('EVN'), absent('PV1')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a segment that has no place there, where the interface is strict',
    message: adt({}, EVN, PID, PV1, 'IN1|1'),
    profile: { strictness: 'strict' },
    answer: [
      'MSA|AE|M1',
      err('IN1^1', '100^Segment sequence error', 'malformed', 'IN1 has no place in ADT_A01 where it stands'),
    ],
    verdict: 'rejected malformed',
  },
  {
    what: 'no patient',
    message: adt({}, EVN, PV1),
    answer: ['MSA|AE|M1', absent('PID')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a patient without an identifier',
    message: adt({}, EVN, 'PID|1||^^^HOSP||BRANDT', PV1),
    answer: ['MSA|AE|M1', lacking('PID^1^3', 'PID-3 names no identifier')],
    verdict: 'rejected malformed',
  },
  { what: 'a patient by PID-2 alone', message: adt({}, 'PID|1|4711'), answer: ['MSA|AA|M1'] },
  { what: 'a patient by a later repetition', message: adt({}, 'PID|1||""~4711'), answer: ['MSA|AA|M1'] },
  {
    what: 'an identifier that says delete',
    message: adt({}, 'PID|1||""'),
    answer: ['MSA|AE|M1', lacking('PID^1^3', 'PID-3 names no identifier')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a merge that does not say of whom',
    message: adt({ type: 'ADT^A40' }, EVN, PID, 'MRG|'),
    answer: ['MSA|AE|M1', lacking('MRG^1^1', 'MRG-1 names no identifier')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a merge without MRG, told as v2.3 tells it',
    message: adt({ type: 'ADT^A40', version: '2.3' }, EVN, PID),
    answer: ['MSA|AE|M1|MRG is missing', 'ERR|MRG^1^^100&Segment sequence error&HL70357'],
    verdict: 'rejected malformed',
  },
  {
    what: 'several faults in one ERR-1',
    message: adt({ type: 'ADT^A40', version: '2.4' }, EVN, 'PID|1'),
    answer: [
      'MSA|AE|M1|MRG is missing; PID-3 names no identifier',
      'ERR|MRG^1^^100&Segment sequence error&HL70357~PID^1^3^101&Required field missing&HL70357',
    ],
    verdict: 'rejected malformed',
  },
  {
    what: 'an old message where the interface tells errors the new way',
    message: adt({ version: '2.3' }, EVN),
    profile: { errorStyle: 'ERR-2' },
    answer: ['MSA|AE|M1|PID is missing', absent('PID')],
    verdict: 'rejected malformed',
  },
  { what: 'a report without a patient group', message: report('OBR|1||F1|718-7'), answer: ['MSA|AA|M1'] },
  {
    what: 'a report without an order',
    message: report(PID, 'OBX|1|NM|718-7||1'),
    answer: ['MSA|AE|M1', absent('OBR')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a type that nobody maps',
    message: adt({ type: 'XYZ^A01' }),
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^9^1^1',
        '200^Unsupported message type',
        'not-supported',
        'MSH-9.1 is no message type that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'an event that nobody maps',
    message: adt({ type: 'ADT^A99' }),
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^9^1^2',
        '201^Unsupported event code',
        'not-supported',
        'MSH-9.2 is no event that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'an event that this interface leaves out',
    message: adt({ type: 'ADT^A08' }),
    profile: { types: ['ADT^A01'] },
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^9^1^2',
        '201^Unsupported event code',
        'not-supported',
        'MSH-9.2 is no event that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'an event that nobody maps, but that the interface names',
    message: adt({ type: 'ADT^A99' }),
    profile: { types: ['ADT', 'ADT^A99'] },
    answer: ['MSA|AA|M1'],
  },
  { what: 'an event of the site', message: adt({ type: 'ADT^Z09' }), answer: ['MSA|AA|M1'] },
  {
    what: 'its event in EVN-1 alone',
    message: adt({ type: 'ADT' }, 'EVN|A01|20260101', PID),
    profile: { types: ['ADT^A01'] },
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'what the event in EVN-1 needs left out',
    message: adt({ type: 'ADT' }, 'EVN|A40|20260101', PID),
    answer: ['MSA|AE|M1', absent('MRG')],
    verdict: 'rejected malformed',
  },
  ...['EVN||20260101', 'EVN|A99|20260101'].map((evn): Row => ({
    what: `no event that is known, nor in ${evn},`,
    message: adt({ type: 'ADT' }, evn, PID),
    profile: { types: ['ADT'] },
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^9^1^2',
        '201^Unsupported event code',
        'not-supported',
        'MSH-9.2 is no event that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  })),
  {
    what: 'an event that only its structure tells',
    message: adt({ type: 'ADT^Z01^ADT_A01' }),
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'a type without its event',
    message: messageOf({ type: 'ORU' }, ['OBR|1']),
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^9^1^2',
        '201^Unsupported event code',
        'not-supported',
        'MSH-9.2 is no event that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'no type',
    message: adt({ type: '' }),
    answer: ['MSA|AR|M1', lacking('MSH^1^9', 'MSH-9 is empty')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a test message in production, of a version that is none, both at once',
    message: adt({ processing: 'T', version: '3.0' }),
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^11',
        '202^Unsupported processing id',
        'not-supported',
        'MSH-11 is no processing id that this interface takes',
      ),
      err(
        'MSH^1^12',
        '203^Unsupported version id',
        'not-supported',
        'MSH-12 is no version that this interface takes',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'a test message where those are taken',
    message: adt({ processing: 'T^T' }),
    profile: { processing: ['P', 'T'] },
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'a version that the interface does not list',
    message: adt({ version: '2.3' }),
    profile: { versions: ['2.5.1'] },
    answer: [
      'MSA|AR|M1|MSH-12 is no version that this interface takes',
      'ERR|MSH^1^12^203&Unsupported version id&HL70357',
    ],
    verdict: 'rejected not-supported',
  },
  { what: 'a version with a country', message: adt({ version: '2.5^DEU' }), answer: ['MSA|AA|M1'] },
  {
    what: 'no version and no processing id',
    message: adt({ version: '', processing: '' }),
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'the same where the interface is strict',
    message: adt({ version: '', processing: '' }),
    profile: { strictness: 'strict' },
    answer: ['MSA|AR|M1', lacking('MSH^1^11', 'MSH-11 is empty'), lacking('MSH^1^12', 'MSH-12 is empty')],
    verdict: 'rejected malformed',
  },
  { what: 'no control id', message: adt({ id: '' }), answer: ['MSA|AA|'] },
  {
    what: 'no control id where the interface is strict',
    message: adt({ id: '' }),
    profile: { strictness: 'strict' },
    answer: ['MSA|AE|', lacking('MSH^1^10', 'MSH-10 is empty')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a sender of the list',
    message: adt({ facility: 'NORD^1.2.3^ISO' }),
    profile: { senders: [{ application: 'LAB', facility: 'NORD' }] },
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'another facility',
    message: adt({ facility: 'SUED' }),
    profile: { senders: [{ application: 'LAB', facility: 'NORD' }, { application: 'RAD' }] },
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^4',
        '103^Table value not found',
        'not-allowed',
        'MSH-4 is no sender that this interface allows',
      ),
    ],
    verdict: 'rejected not-allowed',
  },
  {
    what: 'another application, whatever else is wrong with its message',
    message: adt({ application: 'EVIL', type: 'XYZ' }, 'XYZ'),
    profile: { senders: [{ application: 'LAB' }] },
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1^3',
        '103^Table value not found',
        'not-allowed',
        'MSH-3 is no sender that this interface allows',
      ),
    ],
    verdict: 'rejected not-allowed',
  },
  {
    what: 'a certificate that is not on the list',
    message: adt(),
    certificateAllowed: false,
    answer: [
      'MSA|AR|M1',
      err(
        'MSH^1',
        '207^Application internal error',
        'not-allowed',
        'MSH: The certificate is none that this interface allows',
      ),
    ],
    verdict: 'rejected not-allowed',
  },
  {
    what: 'bytes of Latin-1 where UTF-8 is expected',
    message: adt({}, EVN, PID, 'PV1|1|I|W\xe4rme', 'OBX|1', 'OBX|2|\xe4'),
    answer: [
      'MSA|AE|M1',
      err(
        'PV1^1^3',
        '102^Data type error',
        'decode-error',
        'PV1-3 holds a byte that is not of the character set',
      ),
      err(
        'OBX^2^2',
        '102^Data type error',
        'decode-error',
        'OBX[2]-2 holds a byte that is not of the character set',
      ),
    ],
    verdict: 'parked decode-error',
  },
  {
    what: 'the same where the interface declares Latin-1, whatever MSH-18 says',
    message: adt({ charset: 'UNICODE UTF-8' }, PID, 'PV1|1|I|W\xe4rme'),
    profile: { charset: '8859/1' },
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'the same where MSH-18 says Latin-1',
    message: adt({ charset: '8859/1' }, PID, 'NTE|1||\xe4'),
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'a set that nobody knows, and ASCII in it',
    message: adt({ charset: 'KLINGON' }),
    answer: ['MSA|AA|M1'],
  },
  {
    what: 'a set that nobody knows, and other bytes',
    message: adt({ charset: 'KLINGON' }, PID, 'NTE|1||\xe4'),
    answer: [
      'MSA|AE|M1',
      err(
        'MSH^1^18',
        '103^Table value not found',
        'decode-error',
        'MSH-18 names a character set that is not known',
      ),
    ],
    verdict: 'parked decode-error',
  },
  {
    what: 'a hex escape that is half a character',
    message: adt({}, EVN, PID, 'PV1|1|I|\\XC3\\'),
    answer: [
      'MSA|AE|M1',
      err(
        'PV1^1^3',
        '102^Data type error',
        'decode-error',
        'PV1-3 holds a byte that is not of the character set',
      ),
    ],
    verdict: 'parked decode-error',
  },
  {
    what: 'the first part of a message',
    message: report(PID, 'OBR|1', 'DSC|PART2|F'),
    answer: [
      'MSA|AR|M1',
      err(
        'DSC^1^2',
        '207^Application internal error',
        'not-supported',
        'DSC makes this a part of a message: this interface takes messages only in one piece',
      ),
    ],
    verdict: 'rejected not-supported',
  },
  {
    what: 'bytes that are no message',
    message: 'Hello',
    answer: [
      'MSA|AR|',
      err('MSH^1', '100^Segment sequence error', 'malformed', 'MSH or its delimiters cannot be read'),
    ],
    verdict: 'rejected malformed',
  },
  {
    what: 'encoding characters that repeat',
    message: adt().replace('^~\\&', '^^^^'),
    answer: ['MSA|AR|M1', unusable('MSH-2 names one character for two delimiters')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a backslash written twice',
    message: adt().replace('^~\\&', '^~\\\\&'),
    answer: ['MSA|AR|M1', unusable('MSH-2 names one character for two delimiters')],
    verdict: 'rejected malformed',
  },
  {
    what: 'encoding characters that are letters',
    message: adt().replace('^~\\&', 'abcd'),
    answer: ['MSA|AR|M1', unusable('MSH-2 names a delimiter that is a letter, a digit or no mark at all')],
    verdict: 'rejected malformed',
  },
  {
    what: 'a field separator that is forgotten behind the encoding characters',
    message: adt().replace('^~\\&|', '^~\\&'),
    answer: ['MSA|AR|P', unusable('MSH-2 names a delimiter that is a letter, a digit or no mark at all')],
    verdict: 'rejected malformed',
  },
  {
    what: 'encoding characters that repeat, where the field separator is one of the usual ones',
    message: adt().replaceAll('^', '!').replaceAll('|', '^').replace('!~\\&', '!!'),
    answer: [
      'MSA^AR^M1',
      'ERR^^MSH#1#2^102#Data type error#HL70357^E^malformed##L^^MSH-2 names one character for two delimiters^The message lacks something without which it means nothing.',
    ],
    verdict: 'rejected malformed',
  },
  {
    what: 'other delimiters',
    message: adt({}, EVN).replaceAll('|', '#').replaceAll('^', '*'),
    answer: [
      'MSA#AE#M1',
      'ERR##PID*1#100*Segment sequence error*HL70357#E#malformed**L##PID is missing#The message lacks something without which it means nothing.',
    ],
    verdict: 'rejected malformed',
  },
  {
    what: 'one delimiter only',
    message: 'MSH||LAB|NORD|||||ADT|M1|P|2.5\rEVN|\r',
    answer: [
      'MSA|AR|M1',
      'ERR||MSH|201|E|not-supported||MSH-9.2 is no event that this interface takes|This interface does not take such messages.',
    ],
    verdict: 'rejected not-supported',
  },
];

describe('a message as it comes', () => {
  it.each(ROWS)('with $what is answered as it should be', (row) => {
    const profile = profileOf(row.profile);
    const certificateAllowed = row.certificateAllowed ?? true;
    const bytes = Buffer.from(row.message, 'latin1');
    const { arrival, header, refusal } = examine(bytes, profile, { at: 5, types, certificateAllowed });
    const code = answerNow(askedFor(header, profile.acknowledge), refusal?.level ?? 'success')!;
    const answer = writeAnswer(header, code, refusal, profile.errorStyle, { controlId: 'A1', now: 0 });
    expect(said(answer)).toEqual(row.answer);
    const { verdict } = arrival;
    expect(verdict ? `${verdict.state} ${verdict.reason}` : undefined).toBe(row.verdict);
    expect(arrival).toMatchObject({ source: 'lab', at: 5, bytes });
    // What is answered can be read, and names the message.
    expect(parseMessage(answer).value('MSA', 2) ?? '').toBe(arrival.controlId);
  });

  it('is named by its sender, type and control id as they are written', () => {
    const bytes = Buffer.from(adt({ application: 'L\\T\\B', facility: 'NÖRD^1.2^ISO' }));
    const { arrival } = examine(bytes, profileOf(), { at: 1, types, certificateAllowed: true });
    expect(arrival).toMatchObject({ sender: 'L\\T\\B|NÖRD^1.2^ISO', type: 'ADT^A01', controlId: 'M1' });
  });

  it('is told nothing of its values when it is refused', () => {
    const secret = adt({ version: 'GEHEIM', processing: 'GEHEIM' }, 'PID|||^GEHEIM||GEHEIM', 'GEHEIM|1');
    for (const strictness of ['lenient', 'strict'] as const) {
      const { arrival, header, refusal } = examine(Buffer.from(secret), profileOf({ strictness }), {
        at: 1,
        types,
        certificateAllowed: true,
      });
      expect(arrival.verdict?.detail).not.toContain('GEHEIM');
      const answer = writeAnswer(header, 'AE', refusal, 'ERR-2', { controlId: 'A1', now: 0 });
      expect(said(answer).join()).not.toContain('GEHEIM');
    }
  });
});

describe('the header of an answer', () => {
  it('turns sender and receiver around and says of which version it is', () => {
    const bytes = Buffer.from(mshOf({ charset: '8859/1', version: '2.3.1' }));
    const { header } = examine(bytes, profileOf(), { at: 1, types, certificateAllowed: true });
    const answer = writeAnswer(header, 'CA', undefined, 'by-version', {
      controlId: 'A1',
      now: 0,
      expectedSequence: 7,
    });
    expect(answer.toString()).toBe(
      'MSH|^~\\&|FICUS|EDGE|LAB|NORD|19700101000000+0000||ACK^A01^ACK|A1|P|2.3.1||||||8859/1\rMSA|CA|M1||7\r',
    );
  });

  it('says what it asks for itself', () => {
    const bytes = Buffer.from(mshOf());
    const { header } = examine(bytes, profileOf(), { at: 1, types, certificateAllowed: true });
    const asks = { controlId: 'A1', now: 0, accept: 'AL', application: 'NE' } as const;
    const answer = writeAnswer(header, 'AA', undefined, 'by-version', asks);
    expect(answer.toString()).toContain('|A1|P|2.5.1|||AL|NE\rMSA|AA|M1\r');
  });
});
