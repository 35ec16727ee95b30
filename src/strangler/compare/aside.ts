import { isJsonObject } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';

/** Elements of `meta` that belong to the server that keeps the resource (FHIR R4 resource.html#Meta). */
const SERVER_OWNED = new Set(['versionId', 'lastUpdated', 'source']);
const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';

/** A narrative that a program wrote from the data says nothing of its own (FHIR R4 narrative.html#status). */
const WRITTEN_FROM_DATA = new Set<Json | undefined>(['generated', 'empty']);

/** `meta` without what the server owns; undefined when nothing is left. */
export function comparableMeta(meta: Json | undefined): Json | undefined {
  if (!isJsonObject(meta)) return meta;
  const left: JsonObject = {};
  for (const [name, value] of Object.entries(meta)) {
    if (SERVER_OWNED.has(name) || (name.startsWith('_') && SERVER_OWNED.has(name.slice(1)))) continue;
    const kept = name === 'tag' && Array.isArray(value) ? value.filter((tag) => !isSubsetted(tag)) : value;
    if (kept !== undefined && !(Array.isArray(kept) && kept.length === 0)) left[name] = kept;
  }
  return Object.keys(left).length > 0 ? left : undefined;
}

function isSubsetted(tag: Json): boolean {
  return isJsonObject(tag) && tag['code'] === 'SUBSETTED' && tag['system'] === OBSERVATION_VALUE;
}

/** The narrative, when a person wrote it. */
export function comparableNarrative(text: Json | undefined): Json | undefined {
  return isJsonObject(text) && WRITTEN_FROM_DATA.has(text['status']) ? undefined : text;
}
