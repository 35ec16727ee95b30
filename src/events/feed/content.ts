import type { ParkReason } from '../../feed-ports.ts';
import type { IdentityChange, MessageContent, ResourceChange } from '../../projection-ports.ts';
import type { Json, JsonObject, Resource } from '../../fhir/types.ts';
import type { MessageReading, MessageResource } from '../../mapping/read-message.ts';
import type { Authority, Loss } from '../../mapping/run.ts';
import { instantOf, parseHl7Time } from '../../mapping/time.ts';

/** FHIR id of a legacy key; `hashed`: it cannot be opened, the crosswalk has to know it. */
export type Seal = (type: string, key: string) => { readonly id: string; readonly hashed: boolean };

export interface ContentOptions {
  readonly seal: Seal;
  /** The resource with its id and the references inside it sealed by the function given. */
  readonly sealResource: (resource: Resource, sealId: (type: string, key: string) => string) => Resource;
  /** What resources that never change were sealed as before, by the same options. */
  readonly sealedBefore?: WeakMap<Resource, SealedResource>;
  /** The sending interface's own authority: what it numbers without saying so. */
  readonly authority: Authority | undefined;
  /** IANA zone of timestamps without an offset. */
  readonly timeZone: string;
}

/** A resource with its ids sealed, and which of them cannot be opened. */
export interface SealedResource {
  readonly resource: Resource;
  readonly hashed: MessageContent['hashed'];
}

/** What of a message is not in its resources. */
export interface MessageFacts {
  /** EVN-2 and MSH-7 as written, in order of preference; what is no timestamp is passed over. */
  readonly eventTimes: readonly (string | null | undefined)[];
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  /** Whether a field of it says `""`. */
  readonly deletes: boolean;
  /** Whether messages of its type are about a patient. */
  readonly ofPatient: boolean;
}

/** What a message says; or why somebody has to look at it first. */
export type Content =
  | { readonly content: MessageContent }
  | { readonly parked: ParkReason; readonly detail: string };

/**
 * What a message that was read says, in FHIR ids. A patient or a survivor whom nobody can tell, and a code that a map
 * wants somebody to look at, park it: nothing is guessed. Pure.
 */
export function contentOf(reading: MessageReading, facts: MessageFacts, options: ContentOptions): Content {
  const needed: Loss[] = [];
  for (const { told } of reading.resources)
    for (const loss of told) if (loss.kind === 'mapping-needed') needed.push(loss);
  if (needed.length > 0) {
    const places = needed.map(({ path, why }) => (why === undefined ? path : `${path} (${why})`));
    return {
      parked: 'mapping-needed',
      detail: `codes that nobody mapped: ${[...new Set(places)].join(', ')}`,
    };
  }
  const hashed = new Map<string, MessageContent['hashed'][number]>();
  const sealInto = (known: typeof hashed, type: string, key: string): string => {
    const { id, hashed: oneWay } = options.seal(type, key);
    if (oneWay) known.set(id, { id, type, key });
    return id;
  };
  const sealId = (type: string, key: string): string => sealInto(hashed, type, key);
  const sealed = (resource: Resource, seal = sealId): Resource =>
    options.sealResource(withSystem(resource, options.authority), seal);
  /** What never changes is sealed once; it is the same object every time, and never changes either. */
  const sealedOnce = (resource: Resource, before: WeakMap<Resource, SealedResource>): Resource => {
    let known = before.get(resource);
    if (!known) {
      const oneWay: typeof hashed = new Map();
      const made = Object.freeze(sealed(resource, (type, key) => sealInto(oneWay, type, key)));
      before.set(resource, (known = { resource: made, hashed: [...oneWay.values()] }));
    }
    for (const one of known.hashed) hashed.set(one.id, one);
    return known.resource;
  };
  const changes: ResourceChange[] = [];
  for (const one of reading.resources) {
    if (!one.resource) continue;
    // Whom a field names without a number is nobody that could be kept; the fields that name them say so.
    if (one.resource.id === undefined && one.mode === 'mention' && one.resource.resourceType !== 'Patient')
      continue;
    if (one.resource.id === undefined) return unknownNumber(one.resource.resourceType, one.from);
    const { sealedBefore } = options;
    const resource =
      sealedBefore && Object.isFrozen(one.resource)
        ? sealedOnce(one.resource, sealedBefore)
        : sealed(one.resource);
    changes.push(changeOf(one, resource as ResourceChange['resource'], facts.deletes));
  }
  const identity: IdentityChange[] = [];
  for (const { kind, type, from, into } of reading.identity) {
    const survivor = kind === 'move' ? 'Patient' : type;
    if (from === undefined) return unknownNumber(type, 'the one that goes');
    if (into === undefined) return unknownNumber(survivor, 'the one that stays');
    identity.push({ kind, type, from: sealId(type, from), into: sealId(survivor, into) });
  }
  const patient = changes.find(({ resource }) => resource.resourceType === 'Patient')?.resource.id;
  if (patient === undefined && facts.ofPatient && changes.some(({ mode }) => mode !== 'mention'))
    return { parked: 'malformed', detail: 'there is no PID: whose it is, nobody can tell' };
  return {
    content: {
      ...(patient === undefined ? {} : { patient }),
      eventAt: eventAt(facts, options.timeZone),
      changes,
      identity,
      hashed: [...hashed.values()],
    },
  };
}

/** @param deletes whether a field of the message is told to be deleted */
function changeOf(
  one: MessageResource,
  resource: ResourceChange['resource'],
  deletes: boolean,
): ResourceChange {
  const { mode, undoing } = one;
  if (!deletes && !undoing) return { resource, mode };
  const deleted = [...(deletes ? deletedPaths(one) : []), ...(undoing?.clears ?? [])];
  const yields = undoing?.yields ?? {};
  return {
    resource,
    mode,
    ...(deleted.length > 0 ? { deleted } : {}),
    ...(Object.keys(yields).length > 0 ? { yields } : {}),
  };
}

function unknownNumber(type: string, where: string): Content {
  const place = type === 'Patient' && where === '.' ? 'PID-3' : `${type} (${where})`;
  return {
    parked: 'unknown-authority',
    detail: `${place}: no number of an assigning authority that is registered`,
  };
}

/** The first that is a timestamp; one that ends before the second is the beginning of what it says. */
function eventAt({ eventTimes, receivedAt }: MessageFacts, zone: string): number {
  for (const text of eventTimes) {
    const time = text ? parseHl7Time(text) : undefined;
    if (!time) continue;
    const at = instantOf({ month: 1, day: 1, hour: 0, minute: 0, second: 0, ...time }, zone);
    if (at !== undefined) return at;
  }
  return receivedAt;
}

/** A number that names no authority and became the key is of the sender's authority, and says so. */
function withSystem(resource: Resource, authority: Authority | undefined): Resource {
  const identifiers = resource['identifier'];
  if (!authority || !Array.isArray(identifiers)) return resource;
  const number = resource.id!.slice(resource.id!.indexOf('|') + 1);
  const bare = (it: Json): it is JsonObject =>
    typeof it === 'object' &&
    it !== null &&
    !Array.isArray(it) &&
    !JSON.isRawJSON(it) &&
    it['value'] === number &&
    it['system'] === undefined &&
    it['assigner'] === undefined;
  if (!resource.id!.startsWith(`${authority.name}|`) || !identifiers.some(bare)) return resource;
  return {
    ...resource,
    identifier: identifiers.map((it) => (bare(it) ? { system: authority.system, ...it } : it)),
  };
}

const WHOLE_FIELD = /^([A-Z][A-Z0-9]{2})(?:\[\d+\])?-(\d+)$/;

/**
 * The elements that fields told to be deleted stand for: `Patient.telecom.where(use='home')`. A field that only adds to a
 * list of another one (PID-4, 9, 12) deletes nothing: which items were its own, nobody can tell.
 */
function deletedPaths({ map, loss }: MessageResource): string[] {
  const fields = new Set(
    loss.flatMap(({ kind, path }) => {
      const [, segment, field] = (kind === 'deleted' && WHOLE_FIELD.exec(path)) || [];
      return segment === undefined ? [] : [`${segment}-${field}`];
    }),
  );
  const rows = map.rows.map(({ row }) => row).filter(({ only }) => only !== 'write');
  const paths = rows.flatMap(({ v2, fhir, only }) => {
    if (typeof v2 !== 'string' || !fhir || !fields.has(v2.split('.')[0]!)) return [];
    const adds =
      only === 'read' &&
      /^[\w.]+$/.test(fhir) &&
      rows.some((row) => row.v2 && row.fhir && row.only !== 'read' && overlap(fhir, row.fhir));
    return adds ? [] : [`${map.fhirType}.${fhir}`];
  });
  return [...new Set(paths)];
}

/** Whether one of two paths is the other, or inside of it, whatever items they choose. */
function overlap(one: string, other: string): boolean {
  const [short, long] = [one, other].map(namesOf).toSorted((a, b) => a.length - b.length);
  return short!.every((name, at) => name === long![at]);
}

/** The elements of a path as far as it chooses no item of a list. */
const namesOf = (path: string): string[] => path.split(/\.where\(|\[/)[0]!.split('.');
