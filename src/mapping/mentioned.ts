import type { JsonObject, Resource } from '../fhir/types.ts';
import type { CompiledMap } from './compiled-map.ts';
import type { Mention } from './compiled-message.ts';
import { isObject } from './fhir-path.ts';
import { detached } from './memo.ts';
import { readTree } from './run-map.ts';
import type { RunContext } from './run.ts';
import type { TreeReader } from './tree.ts';

/** A resource that a field names in passing. */
interface Mentioned {
  readonly map: CompiledMap;
  /** The field: `PV1-7`. */
  readonly from: string;
  readonly resource: Resource;
}

/** Resources that fields name in passing, each once, unless a reading made them. Who has no number is nobody that can be told apart. */
export function mentioned(
  mentions: readonly Mention[],
  segments: readonly (readonly [string, TreeReader])[],
  others: readonly { readonly resource: Resource | undefined }[],
  context: RunContext,
): Mentioned[] {
  const nameOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;
  const known = new Set(others.flatMap(({ resource }) => (resource?.id ? [nameOf(resource)] : [])));
  const found: Mentioned[] = [];
  const byName = new Map<string, TreeReader[]>();
  for (const [name, place] of segments) {
    const same = byName.get(name);
    if (same) same.push(place);
    else byName.set(name, [place]);
  }
  for (const { map, fields } of mentions) {
    for (const { segment, field } of fields) {
      for (const place of byName.get(segment) ?? []) {
        for (let index = 0; index < place.count(field); index += 1) {
          const at = place.child(field, index);
          const resource = named(map, at, context);
          if (!resource || known.has(nameOf(resource))) continue;
          known.add(nameOf(resource));
          found.push({ map, from: at.location(), resource });
        }
      }
    }
  }
  return found;
}

/** Whom or what a field names, with its key. One that was named in these words before is the same object: never to be changed. */
function named(map: CompiledMap, place: TreeReader, context: RunContext): Resource | undefined {
  const shelf = context.memo?.mentions.of(map.codec);
  const words = shelf?.worthwhile() ? place.words?.() : undefined;
  const known = words === undefined ? undefined : shelf!.find(words);
  if (known !== undefined) return known ?? undefined;
  const { resource, askedFacts } = readTree(map, place, context);
  const keyed = withKey(resource, context);
  if (words === undefined || askedFacts) return keyed;
  const kept = keyed ? detached<Resource>(keyed) : null;
  shelf!.keep(words, kept);
  return kept ?? undefined;
}

function withKey(resource: Resource | undefined, { defaultAuthority }: RunContext): Resource | undefined {
  if (!resource || resource.id !== undefined) return resource;
  const identifiers = resource['identifier'];
  const first = Array.isArray(identifiers) ? identifiers.find(isObject) : undefined;
  if (defaultAuthority === undefined || typeof first?.['value'] !== 'string') return undefined;
  return { ...resource, id: `${defaultAuthority}|${wordsOf(first)}${first['value']}` };
}

/** The words of an authority that nobody registered, so that equal numbers of two stay apart. */
function wordsOf({ system, assigner }: JsonObject): string {
  const words = system ?? (isObject(assigner) ? assigner['display'] : undefined);
  return typeof words === 'string' ? `${words}/` : '';
}
