import type { Json } from '../fhir/types.ts';
import type { Authority, Run } from './run.ts';
import { valued, type TreeReader, type TreeWriter } from './tree.ts';

/** The three parts of an HD, wherever they stand: below CX.4, or side by side in EI.2 to EI.4. HL7 v2.5.1 §2.A.33. */
export interface HdParts<Place extends TreeReader> {
  readonly namespace: Place;
  readonly universalId: Place;
  readonly universalIdType: Place;
}

/** The parts of an HD at `place`. */
export function hdAt<Place extends TreeReader>(place: Place): HdParts<Place> {
  return hdFrom(place, 1);
}

/** The parts of an HD flattened into its parent from component `first` on. */
export function hdFrom<Place extends TreeReader>(parent: Place, first: number): HdParts<Place> {
  return {
    namespace: parent.child(first) as Place,
    universalId: parent.child(first + 1) as Place,
    universalIdType: parent.child(first + 2) as Place,
  };
}

/** What an HD says: a registered authority, or the words of one that is not. */
export interface HdSaid {
  readonly authority: Authority | undefined;
  readonly namespace: string | undefined;
  readonly universalId: string | undefined;
  readonly universalIdType: string | undefined;
}

/**
 * Reads an HD; undefined when it says nothing. A universal id counts more than a namespace that nobody registered; two
 * parts that name two authorities name none.
 */
export function readHd(parts: HdParts<TreeReader>, run: Run): HdSaid | undefined {
  const namespace = textOf(parts.namespace);
  const universalId = textOf(parts.universalId);
  const universalIdType = textOf(parts.universalIdType);
  if (namespace === undefined && universalId === undefined) return undefined;
  const byOid =
    universalId === undefined || universalIdType !== 'ISO'
      ? undefined
      : run.authorities.find((it) => oidOf(it) === universalId);
  const byName =
    namespace === undefined
      ? undefined
      : run.authorities.find((it) => it.namespaces?.includes(namespace) ?? false);
  const contradicted =
    byName !== undefined &&
    byName !== byOid &&
    universalId !== undefined &&
    (byOid !== undefined || (oidOf(byName) ?? universalId) !== universalId);
  const authority = contradicted ? undefined : (byOid ?? byName);
  return { authority, namespace, universalId, universalIdType };
}

const OID_URN = 'urn:oid:';

/** The OID of an authority, also of one that says it by its system alone. */
function oidOf({ oid, system }: Authority): string | undefined {
  return oid ?? (system.startsWith(OID_URN) ? system.slice(OID_URN.length) : undefined);
}

/** Writes a registered authority: every part that the registry knows. */
export function writeHd(parts: HdParts<TreeWriter>, authority: Authority): void {
  put(parts.namespace, authority.namespaces?.[0]);
  put(parts.universalId, authority.oid);
  put(parts.universalIdType, authority.oid === undefined ? undefined : 'ISO');
}

/** Takes an HD's parts away. */
export function clearHd(parts: HdParts<TreeWriter>): void {
  put(parts.namespace, undefined);
  put(parts.universalId, undefined);
  put(parts.universalIdType, undefined);
}

/** The registered authority of an `Identifier.system`. */
export function authorityOfSystem(system: string, run: Run): Authority | undefined {
  return run.authorities.find(
    (it) => it.system === system || (it.oid !== undefined && system === `urn:oid:${it.oid}`),
  );
}

/** Sets a place, or clears it. */
export function put(place: TreeWriter, text: string | undefined): void {
  if (text === undefined) place.clear();
  else place.set(text);
}

/** A JSON value that is a text. */
export function stringOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The text of a place that says something. */
export function textOf(place: TreeReader): string | undefined {
  const text = place.text();
  return valued(text) ? text : undefined;
}
