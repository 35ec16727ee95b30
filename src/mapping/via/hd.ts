import type { Json } from '../../fhir/types.ts';
import {
  authorityOfSystem,
  clearHd,
  put,
  readHd,
  stringOf,
  writeHd,
  type HdParts,
  type HdSaid,
} from '../authority.ts';
import type { Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';
import type { Authority } from '../run.ts';
import type { TreeReader } from '../tree.ts';

/** Where the parts of an HD stand below a place. */
export type PartsOf = <Place extends TreeReader>(place: Place) => HdParts<Place>;

/**
 * HD <-> `Identifier.system`: a registered authority's system; an ISO or UUID universal id is globally unique and is
 * its own URI (v2-to-FHIR HD[uri]). Anything else is not guessed: it is reported, and `hd-assigner` carries its words.
 */
export function systemCodec(partsOf: PartsOf): Codec {
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
      if (value === undefined) {
        clearHd(parts);
        return true;
      }
      const authority =
        typeof value === 'string' ? (authorityOfSystem(value, run) ?? urnAuthority(value)) : undefined;
      if (!authority) return false;
      if (authority.system.startsWith('urn:uuid:')) {
        parts.namespace.clear();
        parts.universalId.set(authority.system.slice('urn:uuid:'.length));
        parts.universalIdType.set('UUID');
      } else writeHd(parts, authority);
      return true;
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
export function assignerCodec(partsOf: PartsOf): Codec {
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
      if (!identifier && (!said || systemOf(said) !== undefined)) return true;
      put(parts.universalId, stringOf(identifier?.['value']));
      put(parts.universalIdType, universalIdTypeOf(identifier?.['type']));
      return true;
    },
  };
}

function universalIdTypeOf(type: Json | undefined): string | undefined {
  const codings = isObject(type) ? type['coding'] : undefined;
  const coding = Array.isArray(codings) ? codings[0] : undefined;
  return isObject(coding) ? stringOf(coding['code']) : undefined;
}
