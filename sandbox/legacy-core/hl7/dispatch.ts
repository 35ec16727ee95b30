import type { Hospital } from '../state/hospital.ts';
import { addPatient, updatePatient } from './adt.ts';
import { value, type Hl7Message } from './message.ts';
import { orderStatus, placeOrders } from './orders.ts';
import { cancelQuery, findCandidates } from './query.ts';
import { Refusal, refuse, type ErrorEntry, type Reply } from './reply.ts';

interface Handler {
  readonly handle: (message: Hl7Message, hospital: Hospital) => Reply;
  /** Changes what the core knows: a repeat is acknowledged and not done again. */
  readonly writes: boolean;
  /** MSH-9 of a refusal. */
  readonly refusalType: string;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  'QBP^Q22': { handle: findCandidates, writes: false, refusalType: 'RSP^K22^RSP_K21' },
  'QCN^J01': { handle: cancelQuery, writes: false, refusalType: 'ACK^J01^ACK' },
  'ADT^A28': { handle: addPatient, writes: true, refusalType: 'ACK^A28^ACK' },
  'ADT^A31': { handle: updatePatient, writes: true, refusalType: 'ACK^A31^ACK' },
  'OML^O21': { handle: placeOrders, writes: true, refusalType: 'ORL^O22^ORL_O22' },
  'OSQ^Q06': { handle: orderStatus, writes: false, refusalType: 'OSR^Q06^OSR_Q06' },
};

const VERSIONS = ['2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6'];

/** `QBP^Q22`: what the dials and the list of received messages call a message. */
export function operationOf(message: Hl7Message): string {
  return `${value(message.msh, 9)}^${value(message.msh, 9, 2)}`;
}

export function isWrite(message: Hl7Message): boolean {
  return handlerOf(message)?.writes === true;
}

/** What MSH-9 to MSH-12 ask of the core before anything is done (HL7 v2.5.1 §2.9.2.2): [] when it can. */
export function checkHeader(message: Hl7Message): ErrorEntry[] {
  const types = Object.keys(HANDLERS).map((name) => name.split('^')[0]);
  const { msh } = message;
  if (value(msh, 10) === '') return [{ code: '101', location: 'MSH^1^10', text: 'The control id is needed' }];
  if (!types.includes(value(msh, 9))) return [{ code: '200', location: 'MSH^1^9^1^1' }];
  if (!handlerOf(message)) return [{ code: '201', location: 'MSH^1^9^1^2' }];
  if (!['P', 'T', 'D'].includes(value(msh, 11))) return [{ code: '202', location: 'MSH^1^11' }];
  if (!VERSIONS.includes(value(msh, 12))) return [{ code: '203', location: 'MSH^1^12' }];
  return [];
}

/** Does what the message asks. A refusal is an answer too. */
export function answer(message: Hl7Message, hospital: Hospital): Reply {
  const handler = handlerOf(message);
  try {
    return handler ? handler.handle(message, hospital) : refuse('200', 'MSH^1^9');
  } catch (error) {
    if (error instanceof Refusal) return refusal(message, error.outcome, error.entries);
    console.error('legacy core: a message failed', error);
    return refusal(message, 'E', [{ code: '207' }]);
  }
}

/** A refusal in the message type the sender expects; a query's also says so in QAK. */
export function refusal(
  message: Hl7Message | undefined,
  outcome: 'E' | 'R',
  errors: readonly ErrorEntry[],
): Reply {
  const handler = message && handlerOf(message);
  const type = handler?.refusalType ?? 'ACK';
  if (message && type.startsWith('RSP')) {
    const qpd = message.segments.find((segment) => segment.name === 'QPD');
    return { type, outcome, errors, segments: [`QAK|${value(qpd, 2)}|A${outcome}`] };
  }
  return { type, outcome, errors };
}

function handlerOf(message: Hl7Message): Handler | undefined {
  const operation = operationOf(message);
  return Object.hasOwn(HANDLERS, operation) ? HANDLERS[operation] : undefined;
}
