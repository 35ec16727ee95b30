import type { ParkReason } from '../../../src/feed-ports.ts';

/** HL7 table 0357, as far as taking a message uses it. */
export const ERROR_TEXTS = {
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '207': 'Application internal error',
} as const;

export type ErrorCode = keyof typeof ERROR_TEXTS;

/** Where something is wrong: a segment, the how-manieth of its name (from 1), and as much more as is known. */
export interface Place {
  readonly segment: string;
  readonly occurrence?: number;
  readonly field?: number;
  readonly repetition?: number;
  readonly component?: number;
}

/** One thing wrong with a message. Holds places and words, never values. */
export interface Fault {
  readonly code: ErrorCode;
  readonly place: Place;
  /** What is wrong, in ASCII: `PID-3 names no identifier`. */
  readonly text: string;
}

/**
 * Why a message is not taken: `reject` answers AR or CR (MSH-9, 11, 12, or nothing to do with its content), `error` AE
 * or CE.
 */
export interface Refusal {
  readonly level: 'error' | 'reject';
  readonly reason: ParkReason;
  readonly faults: readonly [Fault, ...Fault[]];
}

/** `PID-3`, `OBX[2]-5`, `EVN`. */
export function describePlace({ segment, occurrence = 1, field }: Place): string {
  return `${segment}${occurrence > 1 ? `[${occurrence}]` : ''}${field === undefined ? '' : `-${field}`}`;
}

/** All of a refusal's faults in one line, for whoever looks at the message. */
export function describeRefusal({ faults }: Refusal): string {
  return faults.map((fault) => fault.text).join('; ');
}
