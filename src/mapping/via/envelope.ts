import { textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import { descend } from '../tree-path.ts';
import type { Step, TreeReader } from '../tree.ts';
import { ABSENT_INSTANT } from './instant.ts';

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

/**
 * An HD as the address of an application (v2-to-FHIR HD[MessageHeader.source-endpoint]): only a universal id is one.
 * Read only.
 */
export const HD_ENDPOINT: Codec = {
  read(place) {
    const [id, type] = [textOf(place.child(2)), textOf(place.child(3))];
    const urn = type === undefined ? undefined : URNS[type];
    return id === undefined || urn === undefined || /\s/.test(id) ? undefined : `${urn}${id}`;
  },
  write: (value) => value === undefined,
};

/**
 * Why a message has no sender's address, or one of the named receivers: nobody said it (MessageHeader wants one). Read
 * only.
 */
export function noEndpointCodec(
  address: readonly Step[],
  application: readonly Step[],
  others: readonly (readonly Step[])[],
): Codec {
  return {
    read(segment, run) {
      const own = descend(segment, address);
      const named = says(own) ? own : descend(segment, application);
      const needed =
        others.length === 0 || says(named) || others.some((path) => says(descend(segment, path)));
      return needed && HD_ENDPOINT.read(named, run) === undefined ? { extension: [ABSENT] } : undefined;
    },
    write: () => true,
  };
}

function says(place: TreeReader): boolean {
  return [1, 2, 3].some((part) => textOf(place.child(part)) !== undefined);
}

/** Why an instant that must be there is absent: nobody said it to the minute, or at all. Read only. */
export function noInstantCodec(path: readonly Step[]): Codec {
  return {
    read: (segment, run) => ABSENT_INSTANT.read(descend(segment, path), run),
    write: () => true,
  };
}
