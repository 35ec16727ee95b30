import { typeDef, type ElementDef, type TypeDef } from './elements.ts';
import { isJsonObject } from './json.ts';
import type { SearchQuery } from './search-query.ts';
import type { Json, JsonObject, Resource } from './types.ts';

type Summary = NonNullable<SearchQuery['summary']>;

/** meta.tag of a resource that is not whole (FHIR R4 search.html#summary). */
const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
} as const;

/** A resource as the client wants it: the elements named, else the summary, else whole. */
export function shaped(
  resource: Resource,
  { summary, elements }: Pick<SearchQuery, 'summary' | 'elements'>,
): Resource {
  if (elements) return selectElements(resource, elements);
  return summary === undefined ? resource : summarize(resource, summary);
}

/**
 * A resource as `_summary` wants it, tagged SUBSETTED. `true`: the elements that R4 marks as summary, also inside
 * inner structures; `text`: narrative, id, meta and what is mandatory; `data`: all but the narrative; `false`: whole.
 * What is mandatory always stays, so that the resource stays valid. (`count` is the Bundle's business.)
 */
export function summarize(resource: Resource, summary: Summary): Resource {
  if (summary === 'false' || summary === 'count') return resource;
  if (summary === 'data') {
    const { text: _text, ...data } = resource;
    return tagged(data);
  }
  const keep: (element: ElementDef) => boolean =
    summary === 'true'
      ? (element) => element.summary || element.min > 0
      : (element) => element.name === 'text' || element.min > 0;
  return tagged(subsetOf(resource, keep, summary === 'true'));
}

/**
 * A resource with only the elements that `_elements` names, by top-level element (`value` or `valueQuantity`), tagged
 * SUBSETTED. What is mandatory, or modifies the meaning of the rest, stays (FHIR R4 search.html#elements).
 */
export function selectElements(resource: Resource, names: readonly string[]): Resource {
  const def = typeDef(resource.resourceType);
  const wanted = new Set(names.map((name) => def?.properties.get(name)?.element.name ?? name));
  const keep = (element: ElementDef): boolean =>
    wanted.has(element.name) || element.min > 0 || element.modifier;
  return tagged(subsetOf(resource, keep, false));
}

/** The elements to keep, and the contained resources while one of those refers to them. */
function subsetOf(resource: Resource, keep: (element: ElementDef) => boolean, deep: boolean): Resource {
  const kept = subset(resource, typeDef(resource.resourceType), keep, deep) as Resource;
  const { contained } = resource;
  if (contained === undefined || !JSON.stringify(kept).includes('"reference":"#')) return kept;
  return { ...kept, contained };
}

/** Members that stay whatever is asked for. */
const ALWAYS = new Set(['resourceType', 'id', 'meta']);

function subset(
  value: JsonObject,
  def: TypeDef | undefined,
  keep: (element: ElementDef) => boolean,
  deep: boolean,
): JsonObject {
  const kept: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    if (ALWAYS.has(name)) {
      kept[name] = member;
      continue;
    }
    const property = def?.properties.get(name.startsWith('_') ? name.slice(1) : name);
    if (!property || !keep(property.element) || member === undefined) continue;
    const inner = deep ? typeDef(property.type) : undefined;
    kept[name] = inner?.kind === 'backbone' ? subsetEach(member, inner, keep) : member;
  }
  return kept;
}

function subsetEach(value: Json, def: TypeDef, keep: (element: ElementDef) => boolean): Json {
  if (Array.isArray(value)) return value.map((item) => subsetEach(item, def, keep));
  if (!isJsonObject(value)) return value;
  const kept = subset(value, def, keep, true);
  return Object.keys(kept).length > 0 ? kept : value;
}

function tagged(resource: Resource): Resource {
  const { resourceType, id, meta, ...rest } = resource;
  const known: JsonObject = isJsonObject(meta) ? meta : {};
  const tags = Array.isArray(known['tag']) ? known['tag'] : [];
  const already = tags.some((it) => isJsonObject(it) && it['code'] === SUBSETTED.code);
  return {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: { ...known, tag: already ? tags : [...tags, { ...SUBSETTED }] },
    ...rest,
  };
}
