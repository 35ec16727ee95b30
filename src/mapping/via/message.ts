import type { Codec } from '../codec.ts';
import type { ViaEnvironment } from '../via.ts';
import { APPOINTMENT_NO_START, appointmentEndCodec, appointmentNoEndCodec } from './appointment.ts';
import { ALSO_DATE_TIME, DAY_ALONE, endAfterMinutesCodec, minutesCodec } from './elapsed.ts';
import { HD_ENDPOINT, HD_NO_ENDPOINT, messageNameCodec } from './envelope.ts';
import { documentTextCodec, textDataCodec } from './repetitions.ts';

type Make = (environment: ViaEnvironment) => Codec;

/** Pairs of envelopes, appointments and documents. */
export const MESSAGE_VIA: Readonly<Record<string, Make>> = {
  minutes: ({ path, codes }) => minutesCodec(path('value'), path('unit'), codes('time-unit')),
  'end-after-minutes': ({ path }) => endAfterMinutesCodec(path('start'), path('minutes')),
  'appointment-end': ({ codes }) => appointmentEndCodec(codes('time-unit')),
  'appointment-no-start': () => APPOINTMENT_NO_START,
  'appointment-no-end': ({ codes }) => appointmentNoEndCodec(codes('time-unit')),
  'day-alone': () => DAY_ALONE,
  'also-date-time': () => ALSO_DATE_TIME,
  'message-code': () => messageNameCodec('', [1, 2, 3]),
  'message-activity': () => messageNameCodec('message - ', [1, 2, 3]),
  'event-activity': () => messageNameCodec('event - ', [1, 2]),
  'hd-endpoint': () => HD_ENDPOINT,
  'hd-no-endpoint': () => HD_NO_ENDPOINT,
  'text-data': ({ step }) => textDataCodec(step),
  'document-text': ({ step }) => documentTextCodec(step),
};

/** Pairs that look at more than their place: at all its repetitions, or at other segments of the group. They start at the place above. */
export const OVER_REPETITIONS: ReadonlySet<string> = new Set([
  'text-data',
  'document-text',
  'appointment-end',
  'appointment-no-start',
  'appointment-no-end',
]);
