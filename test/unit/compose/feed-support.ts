import { createFeedReader } from '../../../src/compose/feed/reader.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { createAuthorities } from '../../../src/identity/authorities.ts';
import { createSealer } from '../../../src/identity/seal.ts';
import { idsOf, projection, readOf } from '../projection/support.ts';

const authorities = createAuthorities([{ name: 'HOSP', namespaces: ['HOSP'], system: 'urn:oid:2.999.1.1' }]);
const sealer = createSealer({ keys: [{ id: 'a', secret: new Uint8Array(64).fill(7) }], authorities });
const mappings = loadMappings('mappings');
const read = createFeedReader({
  mappings: () => mappings,
  authorities: authorities.all,
  sealer,
  profile: () => ({ timeZone: 'Europe/Berlin', authority: 'HOSP' }),
});

export type Fields = Readonly<Record<number, string>>;

/** A segment of the fields that say something. */
export function segment(name: string, fields: Fields): string {
  const last = Math.max(...Object.keys(fields).map(Number));
  return [name, ...Array.from({ length: last }, (_, at) => fields[at + 1] ?? '')].join('|');
}

/** A feed of messages one minute apart, and what is known after them. */
export function feed() {
  const world = projection();
  let count = 0;
  const tell = (
    said: string | { readonly type: string; readonly evn: string },
    ...segments: string[]
  ): void => {
    const { type, evn } = typeof said === 'string' ? { type: said, evn: '' } : said;
    count += 1;
    const at = `2026010110${String(count).padStart(2, '0')}00`;
    const header = `MSH|^~\\&|ADT|EAST|FICUS|GATE|${at}||${type}|M${count}|P|2.5.1`;
    const bytes = Buffer.from([header, `EVN|${evn}|${at}`, ...segments, ''].join('\r'));
    const became = read(bytes, { source: 'adt', sender: 'ADT|EAST', receivedAt: count });
    if (!('content' in became)) throw new Error(`parked: ${became.parked} ${became.detail}`);
    world.apply(became.content);
  };
  const known = (type: string, number: string): Promise<Resource> =>
    readOf(world, type, sealer.seal(type, `HOSP|${number}`).id);
  /** Ids of all that is known of a type. */
  const all = (type: string): Promise<string[]> => idsOf(world.backend, type, '');
  return { tell, known, all };
}

export const PID = segment('PID', { 3: '100^^^HOSP', 5: 'Doe^Jo' });
