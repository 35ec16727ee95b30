import type { ViaEnvironment } from './via-environment.ts';
import { hdAt, hdFrom } from './authority.ts';
import type { Codec } from './codec.ts';
import { dateAndTimeCodec, endByMinutesCodec } from './via/clock.ts';
import { codingSystemCodec, OID_URI } from './via/coding-system.ts';
import { assignerCodec, systemCodec } from './via/hd.ts';
import { contentTypeCodec, ED_DATA, OCTETS } from './via/attachment.ts';
import { ABSENT_INSTANT, endAfterCodec, MINUTE_INSTANT, NO_DATE } from './via/instant.ts';
import { linesCodec, XAD_TEXT } from './via/lines.ts';
import { PL_DISPLAY, PL_IDENTIFIER, PL_PART_OF, PL_PHYSICAL_TYPE } from './via/location.ts';
import { OBSERVATION_VIA } from './via/observation.ts';
import { XCN_DISPLAY, XPN_TEXT } from './via/person.ts';
import { MESSAGE_VIA } from './via/message.ts';
import { XTN_PARTS } from './via/phone.ts';
import { durationCodec, numberOfTimeCodec, offsetByDurationCodec, ONE, ONE_DAY } from './via/duration.ts';
import { AUTHORITY_SYSTEM, personNameCodec, placePathCodec, QUALIFIED_IDENTIFIER } from './via/xml.ts';

/**
 * The pairs that rows name with `via`: correspondences that cannot be said in data, each with both directions. Tested
 * one by one in test/unit/mapping/via.test.ts.
 */
export const VIA: Readonly<Record<string, (environment: ViaEnvironment) => Codec>> = {
  'hd-system': () => systemCodec(hdAt),
  'hd-assigner': () => assignerCodec(hdAt),
  'ei-system': () => systemCodec((place) => hdFrom(place, 2)),
  'ei-assigner': () => assignerCodec((place) => hdFrom(place, 2)),
  'coding-system': ({ codes }) => codingSystemCodec(codes('coding-systems')),
  'oid-uri': () => OID_URI,
  'xtn-parts': () => XTN_PARTS,
  'xcn-display': () => XCN_DISPLAY,
  'xpn-text': () => XPN_TEXT,
  'pl-identifier': () => PL_IDENTIFIER,
  'pl-display': () => PL_DISPLAY,
  'pl-physical-type': () => PL_PHYSICAL_TYPE,
  'pl-part-of': () => PL_PART_OF,
  'date-and-time': ({ path, syntax }) =>
    dateAndTimeCodec({ date: path('date'), time: path('time'), syntax }, false),
  'instant-of-date-and-time': ({ path, syntax }) =>
    dateAndTimeCodec({ date: path('date'), time: path('time'), syntax }, true),
  'end-by-minutes': ({ path, syntax }) =>
    endByMinutesCodec({ date: path('date'), time: path('time'), minutes: path('minutes'), syntax }),
  'ed-content-type': () => contentTypeCodec(2, OCTETS),
  'ed-data': () => ED_DATA,
  'one-day': () => ONE_DAY,
  one: () => ONE,
  'end-after': ({ path }) => endAfterCodec(path('start'), path('end')),
  'no-date': () => NO_DATE,
  lines: ({ path }) => linesCodec(path('lines')),
  'xad-text': () => XAD_TEXT,
  'cnn-system': () => systemCodec((place) => hdFrom(place, 9)),
  'cnn-assigner': () => assignerCodec((place) => hdFrom(place, 9)),
  'minute-instant': () => MINUTE_INSTANT,
  'absent-instant': () => ABSENT_INSTANT,
  duration: ({ path, codes }) => durationCodec(path('value'), path('unit'), codes('time-unit')),
  'number-of-time': ({ path, codes }) => numberOfTimeCodec(path('value'), path('unit'), codes('time-unit')),
  'end-by-duration': ({ path, codes }) =>
    offsetByDurationCodec(
      { from: path('start'), value: path('value'), unit: path('unit'), sign: 1 },
      codes('time-unit'),
    ),
  'start-by-duration': ({ path, codes }) =>
    offsetByDurationCodec(
      { from: path('end'), value: path('value'), unit: path('unit'), sign: -1 },
      codes('time-unit'),
    ),
  ...OBSERVATION_VIA,
  ...MESSAGE_VIA,
  'authority-system': () => AUTHORITY_SYSTEM,
  'qualified-identifier': () => QUALIFIED_IDENTIFIER,
  'person-name': ({ path }) => personNameCodec([path('title'), path('first'), path('last')]),
  'place-path': ({ path }) => placePathCodec([path('site'), path('ward'), path('room'), path('bed')]),
};
