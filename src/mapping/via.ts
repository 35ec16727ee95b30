import { hdAt, hdFrom } from './authority.ts';
import type { CodeMap } from './code-map.ts';
import type { CompiledMap } from './compiled-map.ts';
import type { Codec } from './codec.ts';
import type { PathSyntax } from './tree-path.ts';
import type { Step } from './tree.ts';
import { dateAndTimeCodec, endByMinutesCodec } from './via/clock.ts';
import { codingSystemCodec, OID_URI } from './via/coding-system.ts';
import { assignerCodec, systemCodec } from './via/hd.ts';
import { PL_DISPLAY, PL_IDENTIFIER, PL_PART_OF, PL_PHYSICAL_TYPE } from './via/location.ts';
import { XCN_DISPLAY, XPN_TEXT } from './via/person.ts';
import { XTN_PARTS } from './via/phone.ts';
import { AUTHORITY_SYSTEM, personNameCodec, placePathCodec, QUALIFIED_IDENTIFIER } from './via/xml.ts';

/** What a pair of functions may ask of the mapping set when it is compiled. */
export interface ViaEnvironment {
  /** A code map by name; undefined when the set has none, which is reported. */
  readonly codes: (name: string) => CodeMap | undefined;
  /** A compiled map by name; undefined when the set has none, which is reported. */
  readonly map: (name: string) => CompiledMap | undefined;
  /** The path that the row's `with` gives a parameter; one that is missing is reported. */
  readonly path: (parameter: string) => readonly Step[];
  readonly syntax: PathSyntax;
}

/**
 * The pairs that rows name with `via`: correspondences that cannot be said in data, each with both directions. Tested one
 * by one in test/unit/mapping/via.test.ts.
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
  'authority-system': () => AUTHORITY_SYSTEM,
  'qualified-identifier': () => QUALIFIED_IDENTIFIER,
  'person-name': ({ path }) => personNameCodec([path('title'), path('first'), path('last')]),
  'place-path': ({ path }) => placePathCodec([path('site'), path('ward'), path('room'), path('bed')]),
};
