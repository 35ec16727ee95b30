import type { Codec } from '../codec.ts';
import type { ViaEnvironment } from '../via-environment.ts';
import {
  APPOINTMENT_NO_START,
  APPOINTMENT_START,
  appointmentEndCodec,
  appointmentNoEndCodec,
} from './appointment.ts';
import { offsetByDurationCodec } from './duration.ts';
import { ALSO_DATE_TIME, DAY_ALONE, endAfterMinutesCodec, minutesCodec } from './elapsed.ts';
import { HD_ENDPOINT, noEndpointCodec, noInstantCodec, messageNameCodec } from './envelope.ts';
import { documentTextCodec, textDataCodec } from './repetitions.ts';

type Make = (environment: ViaEnvironment) => Codec;

/** Pairs of envelopes, appointments and documents. */
export const MESSAGE_VIA: Readonly<Record<string, Make>> = {
  minutes: ({ path, codes }) => minutesCodec(path('value'), path('unit'), codes('schedule-unit')),
  'end-after-minutes': ({ path }) => endAfterMinutesCodec(path('start'), path('minutes')),
  'appointment-end': ({ codes }) => appointmentEndCodec(codes('schedule-unit')),
  'appointment-no-start': () => APPOINTMENT_NO_START,
  'appointment-no-end': ({ codes }) => appointmentNoEndCodec(codes('schedule-unit')),
  'day-alone': () => DAY_ALONE,
  'end-of-booking': ({ path, codes }) =>
    offsetByDurationCodec(
      { from: path('start'), value: path('value'), unit: path('unit'), sign: 1 },
      codes('schedule-unit'),
    ),
  'also-date-time': () => ALSO_DATE_TIME,
  'message-code': () => messageNameCodec('', [1, 2, 3]),
  'message-activity': () => messageNameCodec('message - ', [1, 2, 3]),
  'event-activity': () => messageNameCodec('event - ', [1, 2]),
  'hd-endpoint': () => HD_ENDPOINT,
  'no-source-endpoint': ({ path }) => noEndpointCodec(path('address'), path('application'), []),
  'no-destination-endpoint': ({ path }) =>
    noEndpointCodec(path('address'), path('application'), [path('facility'), path('organisation')]),
  'no-instant': ({ path }) => noInstantCodec(path('time')),
  'appointment-start': () => APPOINTMENT_START,
  'text-data': ({ step }) => textDataCodec(step),
  'document-text': ({ step }) => documentTextCodec(step),
};

/**
 * Pairs that look at more than their place: at all its repetitions, or at other segments of the group. They start at
 * the place above.
 */
export const OVER_REPETITIONS: ReadonlySet<string> = new Set([
  'text-data',
  'document-text',
  'appointment-start',
  'appointment-end',
  'appointment-no-start',
  'appointment-no-end',
]);
