import { createMessageTypes } from '../../../../../adapters/hl7v2/intake/message-types.ts';
import type { KnownMessage } from '../../../../../adapters/hl7v2/intake/message-types.ts';
import type { InterfaceProfile } from '../../../../../adapters/hl7v2/intake/profile.ts';

/** A few structures, as mapping files declare them. */
export const STRUCTURES: readonly KnownMessage[] = [
  { message: 'ADT_A01', of: ['ADT^A01', 'ADT^A08'], structure: ['MSH', 'EVN', 'PID', 'PV1', 'OBX*'] },
  { message: 'ADT', of: ['ADT'], structure: ['MSH', 'EVN?', 'PID'] },
  {
    message: 'ADT_A39',
    of: ['ADT^A40'],
    structure: ['MSH', 'EVN', { group: 'PATIENT', of: ['PID', 'MRG'] }],
  },
  {
    message: 'ORU_R01',
    of: ['ORU^R01'],
    structure: [
      'MSH',
      {
        group: 'PATIENT_RESULT',
        of: [
          { group: 'PATIENT?', of: ['PID', 'NTE*'] },
          { group: 'ORDER_OBSERVATION', of: ['ORC?', 'OBR', { group: 'OBSERVATION*', of: ['OBX'] }] },
        ],
      },
      'DSC?',
    ],
  },
  { message: 'ACK', of: ['ACK'], structure: ['MSH', 'MSA', 'ERR*'] },
];

export const types = createMessageTypes(STRUCTURES);

export function profileOf(changes: Partial<InterfaceProfile> = {}): InterfaceProfile {
  return {
    name: 'lab',
    host: '127.0.0.1',
    port: 0,
    defaultCharset: 'UNICODE UTF-8',
    acknowledge: 'as-asked',
    versions: [],
    types: [],
    processing: ['P'],
    strictness: 'lenient',
    senders: [],
    errorStyle: 'by-version',
    sequence: false,
    batches: 'all',
    maxFrameBytes: 16 * 1024 * 1024,
    maxConnections: 256,
    maxWaiting: 64,
    maxInFlight: 64,
    idleMs: 0,
    stallMs: 60_000,
    ...changes,
  };
}

/** What a test says of MSH; the rest is an admission from LAB at NORD. */
export interface Head {
  readonly application?: string;
  readonly facility?: string;
  readonly type?: string;
  readonly id?: string;
  readonly processing?: string;
  readonly version?: string;
  readonly sequence?: string;
  readonly accept?: string;
  readonly applicationAck?: string;
  readonly charset?: string;
}

export function mshOf(head: Head = {}): string {
  const {
    application = 'LAB',
    facility = 'NORD',
    type = 'ADT^A01^ADT_A01',
    id = 'M1',
    processing = 'P',
  } = head;
  const { version = '2.5.1', sequence = '', accept = '', applicationAck = '', charset = '' } = head;
  const fields = ['MSH', '^~\\&', application, facility, 'FICUS', 'EDGE', '20260214101500', '', type, id];
  fields.push(processing, version, sequence, '', accept, applicationAck, '', charset);
  return fields.join('|').replace(/\|+$/, '');
}

export const EVN = 'EVN|A01|20260214101500';
export const PID = 'PID|1||4711^^^HOSP||BRANDT^LENA';
export const PV1 = 'PV1|1|I|W^389^1';

/** A message of MSH and other segments; an admission that is complete unless told otherwise. */
export function messageOf(head: Head = {}, segments: readonly string[] = [EVN, PID, PV1]): string {
  return [mshOf(head), ...segments].map((segment) => `${segment}\r`).join('');
}

/** What an answer says, without the parts that no test decides: time, and control id of ours. */
export function said(answer: Uint8Array | undefined): string[] {
  if (!answer) return [];
  const lines = Buffer.from(answer).toString('latin1').split('\r').filter(Boolean);
  return lines.flatMap((line) => (line.startsWith('MSH') ? [] : [line]));
}
