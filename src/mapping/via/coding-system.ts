import { stringOf, textOf } from '../authority.ts';
import type { CodeMap } from '../code-map.ts';
import { say, type Codec } from '../codec.ts';

/**
 * CWE.3 <-> `Coding.system`, by HL7 table 0396: `LN`, `SCT`, ... as mappings/codes/coding-systems.yaml lists them;
 * `HL7nnnn` for the HL7 tables; an OID, a URN or a URL as it is.
 */
export function codingSystemCodec(map: CodeMap | undefined): Codec {
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
      return say(
        place,
        value,
        system === undefined ? undefined : (map?.toLegacy.get(`|${system}`) ?? nameOf(system)),
      );
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
export const OID_URI: Codec = {
  read(place, run) {
    const oid = textOf(place);
    if (oid === undefined) return undefined;
    if (/^[0-2](\.(0|[1-9]\d*))+$/.test(oid)) return `urn:oid:${oid}`;
    run.lose('invalid', place.location(), 'not an OID');
    return undefined;
  },
  write(value, place) {
    const system = stringOf(value);
    return say(place, value, system?.startsWith('urn:oid:') ? system.slice('urn:oid:'.length) : undefined);
  },
};
