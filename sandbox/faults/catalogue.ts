import { PLANTED } from './planted/index.ts';
import { PROTOCOLS, type FaultSpec, type Parameter } from './spec.ts';

const ALL = PROTOCOLS;
const APPLIED: Parameter = {
  type: 'boolean',
  default: true,
  about: 'whether the core does what it was asked before the answer goes wrong',
};

/** Faults of the wire: where each works and what it takes. */
const WIRE_FAULTS = {
  late: {
    about: 'does what it was asked, answers later',
    protocols: ALL,
    parameters: { delayMs: { type: 'number', default: 5000, about: 'milliseconds' } },
  },
  slow: {
    about:
      'takes longer, by a latency distribution: delayMs; or minMs to maxMs (uniform); or p50Ms and p95Ms (log-normal)',
    protocols: ALL,
    parameters: {
      delayMs: { type: 'number', about: 'milliseconds, always the same' },
      minMs: { type: 'number', about: 'milliseconds' },
      maxMs: { type: 'number', about: 'milliseconds' },
      p50Ms: { type: 'number', about: 'median in milliseconds' },
      p95Ms: { type: 'number', about: '95th percentile in milliseconds' },
      seed: { type: 'number', default: 1, about: 'the same seed gives the same delays' },
    },
  },
  lost: {
    about: 'never answers; the connection stays open and goes on with the next message',
    protocols: ['mllp', 'soap'],
    parameters: { applied: APPLIED },
  },
  hang: {
    about: 'accepts connections, reads, does nothing and never answers',
    protocols: ALL,
    parameters: {},
  },
  duplicate: { about: 'answers twice', protocols: ['mllp'], parameters: {} },
  nack: {
    about: 'refuses without doing anything',
    protocols: ['mllp'],
    parameters: {
      code: { type: 'one-of', values: ['AE', 'AR', 'CE', 'CR'], default: 'AE', about: 'MSA-1' },
      error: { type: 'string', default: '207', about: 'ERR-3, table 0357; empty for no ERR segment' },
      text: { type: 'string', default: '', about: 'ERR-8' },
    },
  },
  garbage: {
    about: 'answers with bytes that are no answer',
    protocols: ALL,
    parameters: {
      framed: { type: 'boolean', default: true, about: 'MLLP: inside a frame, or bare bytes on the line' },
      applied: APPLIED,
    },
  },
  'wrong-control-id': {
    about: "acknowledges somebody else's message (MSA-2)",
    protocols: ['mllp'],
    parameters: {
      controlId: { type: 'string', default: 'SOMEBODY-ELSES-1', about: 'MSA-2' },
    },
  },
  'kill-mid-write': {
    about: 'breaks the connection while it writes the answer; may stay down afterwards',
    protocols: ALL,
    parameters: {
      applied: APPLIED,
      bytes: {
        type: 'number',
        about: 'bytes of the answer that still go out; half of it when absent, 0 for none',
      },
      downMs: { type: 'number', default: 0, about: 'milliseconds of refused connections afterwards' },
    },
  },
  down: {
    about: 'no connections; takes durationMs or lasts until it is removed',
    protocols: ALL,
    parameters: {
      mode: {
        type: 'one-of',
        values: ['refuse', 'reset'],
        default: 'refuse',
        about: 'port closed, or accept and reset',
      },
    },
  },
  fault: {
    about: 'a SOAP Fault, nothing done',
    protocols: ['soap'],
    parameters: {
      side: {
        type: 'one-of',
        values: ['sender', 'receiver'],
        default: 'receiver',
        about: 'Client/Sender or Server/Receiver',
      },
      code: { type: 'string', default: 'INTERNAL', about: 'ErrorCode of the ServiceFault' },
      text: { type: 'string', default: 'The service is not able to answer', about: 'faultstring / Reason' },
      retry: { type: 'boolean', default: false, about: 'Retry of the ServiceFault' },
    },
  },
  partial: {
    about: 'answers in part: every second row is left out, ReturnCode 4 and a warning say so',
    protocols: ['soap'],
    parameters: { source: { type: 'string', default: 'ARCHIVE', about: 'Source of the warning' } },
  },
  bomb: {
    about: 'answers with a document whose entities grow without end (billion laughs)',
    protocols: ['soap'],
    parameters: {},
  },
  oversized: {
    about: 'an answer that is far too large',
    protocols: ALL,
    parameters: { bytes: { type: 'number', default: 67_108_864, about: 'size of the answer' } },
  },
  status: {
    about: 'an HTTP error',
    protocols: ['soap', 'modern'],
    parameters: {
      status: { type: 'number', default: 503, about: 'HTTP status, 400 to 599' },
      retryAfter: { type: 'number', about: 'Retry-After in seconds' },
      html: { type: 'boolean', default: false, about: 'an HTML page, as a proxy in between would send' },
    },
  },
} as const satisfies Record<string, FaultSpec>;

export type WireFault = keyof typeof WIRE_FAULTS;
export type PlantedFaultName = keyof typeof PLANTED;
export type FaultName = WireFault | PlantedFaultName;

/** All fault dials; the control API's documentation is this table. */
export const FAULTS: Readonly<Record<string, FaultSpec>> = {
  ...WIRE_FAULTS,
  ...Object.fromEntries(
    Object.entries(PLANTED).map(([name, fault]): [string, FaultSpec] => [
      name,
      { about: fault.about, protocols: ['modern'], parameters: {} },
    ]),
  ),
};

export function faultSpec(name: string): FaultSpec | undefined {
  return Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
}

/** Whether a fault is one of the content of answers, not of the wire. */
export function isPlanted(name: FaultName): name is PlantedFaultName {
  return Object.hasOwn(PLANTED, name);
}
