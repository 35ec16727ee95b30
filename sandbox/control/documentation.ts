import { FAULTS } from '../faults/catalogue.ts';

/** `GET /`: what the control API does, made of the same table that checks the dials. */
export function documentation(): unknown {
  const faults = Object.entries(FAULTS).map(([fault, spec]) => ({ fault, ...spec }));
  return {
    about: 'Control of the sandbox hospital. JSON in, JSON out.',
    paths: {
      'GET /': 'this text',
      'GET /patients':
        'the demo patients: number, authority, one line about each; ordinary: no story, there to make up the number',
      'GET /received':
        'what the services received, without content; filters protocol, operation, controlId, sender, outcome, fault, after (entry number), limit',
      'DELETE /received': 'forgets it',
      'GET /appointments':
        'numbers of the appointments that the core keeps: its own, the caller’s, status, version',
      'GET /orders': 'the orders the core keeps; filter placerNumber',
      'GET /dials': 'the dials that are on',
      'POST /dials':
        'switches one on: protocol, fault, and what is listed below; 201 with its id. With ?replace=true in place of those of the same protocol, fault and operation',
      'DELETE /dials/{id}': 'switches one off',
      'DELETE /dials': 'switches all off',
      'POST /reset':
        'the seed again: patients, bookings, orders, modern service; dials off; nothing received',
    },
    dial: {
      protocol: 'mllp, soap or modern',
      operation:
        'QBP^Q22, FindAppointments, Observation.read, or ADT^* for a family; every operation when absent',
      fault: 'one of the faults below',
      count: 'how many messages it takes; no limit when absent',
      durationMs: 'milliseconds it lasts; until it is switched off when absent',
      after: 'messages that pass unharmed first',
      percent:
        'share of the messages it takes, by a sequence that is always the same; of a fault of content: of the resources, always the same ones',
      several:
        'of those that fit a message the newest takes it that is due; slow, and faults of content, come on top',
      example: { protocol: 'mllp', operation: 'OML^O21', fault: 'late', delayMs: 40_000, count: 2 },
    },
    faults,
  };
}
