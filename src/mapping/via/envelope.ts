import { textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import { isObject } from '../fhir-path.ts';

/** What a message is, in words: `event - ADT^A01` (v2-to-FHIR MSG[Coding] and EVN[Provenance]). Read only. */
export function messageNameCodec(prefix: string, parts: readonly number[]): Codec {
  return {
    read(place) {
      const said = parts.map((part) => textOf(place.child(part)) ?? '');
      return said[0] === '' ? undefined : `${prefix}${said.join('^').replace(/\^+$/, '')}`;
    },
    write: (value) => value === undefined,
  };
}

const URNS: Readonly<Record<string, string>> = {
  ISO: 'urn:oid:',
  UUID: 'urn:uuid:',
  DNS: 'urn:dns:',
  URI: '',
};
const ABSENT = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' };

/** An HD as the address of an application (v2-to-FHIR HD[MessageHeader.source-endpoint]): only a universal id is one. Read only. */
export const HD_ENDPOINT: Codec = {
  read(place) {
    const [id, type] = [textOf(place.child(2)), textOf(place.child(3))];
    const urn = type === undefined ? undefined : URNS[type];
    return id === undefined || urn === undefined || /\s/.test(id) ? undefined : `${urn}${id}`;
  },
  write: (value) => value === undefined,
};

/** Why an application that is named has no address: nobody said it. Read only. */
export const HD_NO_ENDPOINT: Codec = {
  read: (place, run) =>
    [1, 2, 3].some((part) => textOf(place.child(part)) !== undefined) &&
    HD_ENDPOINT.read(place, run) === undefined
      ? { extension: [ABSENT] }
      : undefined,
  write: (value) => value === undefined || isObject(value),
};
