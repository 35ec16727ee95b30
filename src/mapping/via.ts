import type { Json } from '../fhir/types.ts';
import {
  authorityOfSystem,
  clearHd,
  hdAt,
  hdFrom,
  put,
  readHd,
  textOf,
  writeHd,
  type HdParts,
  type HdSaid,
} from './authority.ts';
import type { CodeMap } from './code-map.ts';
import type { Codec } from './codec.ts';
import { isObject } from './fhir-path.ts';
import type { Authority } from './run.ts';
import type { PathSyntax } from './tree-path.ts';
import type { Step, TreeReader, TreeWriter } from './tree.ts';

/** What a pair of functions may ask of the mapping set when it is compiled. */
export interface ViaEnvironment {
  /** A code map by name; undefined when the set has none, which is reported. */
  readonly codes: (name: string) => CodeMap | undefined;
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
};

type PartsOf = <Place extends TreeReader>(place: Place) => HdParts<Place>;

/**
 * HD <-> `Identifier.system`: a registered authority's system; an ISO or UUID universal id is globally unique and is its own
 * URI (v2-to-FHIR HD[uri]). Anything else is not guessed: it is reported, and `hd-assigner` carries its words.
 */
function systemCodec(partsOf: PartsOf): Codec {
  return {
    read(place, run) {
      const said = readHd(partsOf(place), run);
      if (!said) return undefined;
      const system = systemOf(said);
      if (!said.authority) {
        run.lose(
          'unknown-authority',
          place.location(),
          system === undefined ? undefined : 'not registered; its universal id serves',
        );
      }
      return system;
    },
    write(value, place, run) {
      const parts = partsOf(place);
      const authority =
        typeof value === 'string' ? (authorityOfSystem(value, run) ?? urnAuthority(value)) : undefined;
      if (!authority) return clearHd(parts);
      if (authority.system.startsWith('urn:uuid:')) {
        parts.namespace.clear();
        parts.universalId.set(authority.system.slice('urn:uuid:'.length));
        parts.universalIdType.set('UUID');
      } else writeHd(parts, authority);
    },
  };
}

function systemOf(said: HdSaid): string | undefined {
  if (said.authority) return said.authority.system;
  if (said.universalId === undefined) return undefined;
  if (said.universalIdType === 'ISO' && /^[0-2](\.(0|[1-9]\d*))+$/.test(said.universalId))
    return `urn:oid:${said.universalId}`;
  if (said.universalIdType === 'UUID' && /^[0-9a-f-]{36}$/.test(said.universalId))
    return `urn:uuid:${said.universalId}`;
  return undefined;
}

function urnAuthority(system: string): Authority | undefined {
  if (system.startsWith('urn:oid:')) return { name: '', oid: system.slice('urn:oid:'.length), system };
  return system.startsWith('urn:uuid:') ? { name: '', system } : undefined;
}

const UNIVERSAL_ID_TYPE = 'http://terminology.hl7.org/CodeSystem/v2-0301';

/**
 * HD <-> `Identifier.assigner` for an authority that is not registered: its namespace as `display`; its universal id as
 * `identifier`, unless that is the identifier's system already.
 */
function assignerCodec(partsOf: PartsOf): Codec {
  return {
    read(place, run) {
      const said = readHd(partsOf(place), run);
      if (!said || said.authority) return undefined;
      const { namespace, universalId, universalIdType } = said;
      const display = namespace === undefined ? {} : { display: namespace };
      if (universalId === undefined || systemOf(said) !== undefined)
        return namespace === undefined ? undefined : display;
      const type =
        universalIdType === undefined
          ? {}
          : { type: { coding: [{ system: UNIVERSAL_ID_TYPE, code: universalIdType }] } };
      return { identifier: { ...type, value: universalId }, ...display };
    },
    write(value, place, run) {
      const parts = partsOf(place);
      const said = readHd(parts, run);
      if (isObject(value) || (said && !said.authority)) {
        put(parts.namespace, isObject(value) ? stringOf(value['display']) : undefined);
      }
      const identifier = isObject(value) && isObject(value['identifier']) ? value['identifier'] : undefined;
      if (!identifier && (!said || systemOf(said) !== undefined)) return;
      put(parts.universalId, stringOf(identifier?.['value']));
      put(parts.universalIdType, universalIdTypeOf(identifier?.['type']));
    },
  };
}

function universalIdTypeOf(type: Json | undefined): string | undefined {
  const codings = isObject(type) ? type['coding'] : undefined;
  const coding = Array.isArray(codings) ? codings[0] : undefined;
  return isObject(coding) ? stringOf(coding['code']) : undefined;
}

function stringOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * CWE.3 <-> `Coding.system`, by HL7 table 0396: `LN`, `SCT`, ... as mappings/codes/coding-systems.yaml lists them; `HL7nnnn` for
 * the HL7 tables; an OID, a URN or a URL as it is.
 */
function codingSystemCodec(map: CodeMap | undefined): Codec {
  return {
    read(place, run) {
      const name = textOf(place);
      if (name === undefined) return undefined;
      const system = map?.toFhir.get(name)?.code ?? wellKnown(name);
      if (system === undefined) run.lose('unknown-system', place.location());
      return system;
    },
    write(value, place) {
      const system = stringOf(value);
      put(place, system === undefined ? undefined : (map?.toLegacy.get(`|${system}`) ?? nameOf(system)));
    },
  };
}

const TABLE_URI = 'http://terminology.hl7.org/CodeSystem/v2-';

function wellKnown(name: string): string | undefined {
  const table = /^HL7(\d{4})$/.exec(name)?.[1];
  if (table !== undefined) return `${TABLE_URI}${table}`;
  if (/^[0-2](\.(0|[1-9]\d*))+$/.test(name)) return `urn:oid:${name}`;
  return /^(urn:(oid|uuid):|https?:\/\/)\S+$/.test(name) ? name : undefined;
}

function nameOf(system: string): string | undefined {
  if (/^http:\/\/terminology\.hl7\.org\/CodeSystem\/v2-\d{4}$/.test(system))
    return `HL7${system.slice(TABLE_URI.length)}`;
  if (system.startsWith('urn:oid:')) return system.slice('urn:oid:'.length);
  return /^(urn:uuid:|https?:\/\/)\S+$/.test(system) ? system : undefined;
}

/** An OID (CWE.14 and its like) <-> `urn:oid:`. */
const OID_URI: Codec = {
  read(place, run) {
    const oid = textOf(place);
    if (oid === undefined) return undefined;
    if (/^[0-2](\.(0|[1-9]\d*))+$/.test(oid)) return `urn:oid:${oid}`;
    run.lose('invalid', place.location(), 'not an OID');
    return undefined;
  },
  write(value, place) {
    const system = stringOf(value);
    put(place, system?.startsWith('urn:oid:') ? system.slice('urn:oid:'.length) : undefined);
  },
};

/** XTN.5 to XTN.8 -> one number, as v2-to-FHIR XTN[ContactPoint] writes it: `+1 919 5551212 X12`. Read only; see the row. */
const XTN_PARTS: Codec = {
  read(place) {
    const [country, area, local, extension] = [5, 6, 7, 8].map((part) => textOf(place.child(part)));
    if (local === undefined) return undefined;
    const prefix = country === undefined ? '' : `+${country.replace(/^\+/, '')} `;
    return `${prefix}${area === undefined ? '' : `${area} `}${local}${extension === undefined ? '' : ` X${extension}`}`;
  },
  write(value, place: TreeWriter) {
    if (value === undefined) for (const part of [5, 6, 7, 8]) place.child(part).clear();
  },
};

/** The name of an XCN as text, for `Reference.display`: prefix, given, further given, family, suffix, degree. Read only. */
const XCN_DISPLAY: Codec = {
  read(place) {
    const parts = [6, 3, 4, 2, 5]
      .map((part) => textOf(place.child(part)))
      .filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts.join(' ');
  },
  write() {},
};
