import table from './data/types.json' with { type: 'json' };

/** An element of a FHIR R4 type, as its StructureDefinition has it. */
export interface ElementDef {
  /** Without `[x]`: `deceased`. */
  readonly name: string;
  /** Names of its types; an inner structure is named by its path (`Patient.contact`). */
  readonly types: readonly string[];
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
  /** `deceased[x]`: the JSON names are `deceasedBoolean`, `deceasedDateTime`. */
  readonly choice: boolean;
  /** Resource types that its references may point at; absent: any. */
  readonly targets?: readonly string[];
  /** Name of its required value set in bindings.ts, where that can be listed in full. */
  readonly binding?: string;
  /** Part of `_summary=true` (FHIR R4 search.html#summary). */
  readonly summary: boolean;
  /** Changes the meaning of what holds it (FHIR R4 conformance-rules.html#isModifier). */
  readonly modifier: boolean;
}

/** A JSON property of a type: one for a plain element, one for each type of a choice. */
export interface PropertyDef {
  /** As in JSON: `deceasedBoolean`. */
  readonly name: string;
  readonly element: ElementDef;
  readonly type: string;
}

export interface TypeDef {
  /** `Patient`, `HumanName`, `string`, or the path of an inner structure (`Patient.contact`). */
  readonly name: string;
  readonly kind: 'primitive' | 'datatype' | 'backbone' | 'resource';
  readonly abstract: boolean;
  /** The type it specializes, e.g. `DomainResource`. */
  readonly base: string | undefined;
  /** Inherited elements first, in the order of the definition. */
  readonly elements: ReadonlyMap<string, ElementDef>;
  readonly properties: ReadonlyMap<string, PropertyDef>;
}

interface ElementRow {
  readonly types: readonly string[];
  readonly min?: number;
  readonly max?: number | '*';
  readonly choice?: true;
  readonly targets?: readonly string[];
  readonly binding?: string;
  readonly summary?: true;
  readonly modifier?: true;
}

interface TypeRow {
  readonly kind: TypeDef['kind'];
  readonly abstract?: true;
  readonly base?: string;
  readonly elements: Readonly<Record<string, ElementRow>>;
}

const rows: ReadonlyMap<string, TypeRow> = new Map(
  Object.entries(table as unknown as Record<string, TypeRow>),
);
const built = new Map<string, TypeDef>();

/** Concrete R4 resource types, sorted. */
export const RESOURCE_TYPES: readonly string[] = [...rows]
  .filter(([, row]) => row.kind === 'resource' && !row.abstract)
  .map(([name]) => name)
  .sort();

const resourceTypes = new Set(RESOURCE_TYPES);

/** Whether `name` is a concrete FHIR R4 resource type. */
export function isResourceType(name: string): boolean {
  return resourceTypes.has(name);
}

/** The definition of a FHIR R4 type; undefined when R4 has none of that name. */
export function typeDef(name: string): TypeDef | undefined {
  const known = built.get(name);
  if (known) return known;
  const row = rows.get(name);
  if (!row) return undefined;
  const def = build(name, row);
  built.set(name, def);
  return def;
}

/** Whether `type` is `ancestor` or specializes it, e.g. Age and Quantity, Patient and DomainResource. */
export function isA(type: string, ancestor: string): boolean {
  for (let name: string | undefined = type; name !== undefined; name = rows.get(name)?.base) {
    if (name === ancestor) return true;
  }
  return false;
}

function build(name: string, row: TypeRow): TypeDef {
  const inherited = row.base === undefined ? undefined : typeDef(row.base);
  const elements = new Map(inherited?.elements);
  for (const [element, it] of Object.entries(row.elements)) elements.set(element, elementDef(element, it));
  const properties = new Map(inherited?.properties);
  for (const element of elements.values()) {
    for (const type of element.types) {
      const property = element.choice ? element.name + type[0]!.toUpperCase() + type.slice(1) : element.name;
      properties.set(property, { name: property, element, type });
    }
  }
  return {
    name,
    kind: row.kind,
    abstract: row.abstract ?? false,
    base: row.base,
    elements,
    properties,
  };
}

function elementDef(name: string, row: ElementRow): ElementDef {
  return {
    name,
    types: row.types,
    min: row.min ?? 0,
    max: row.max === '*' ? Infinity : (row.max ?? 1),
    choice: row.choice ?? false,
    summary: row.summary ?? false,
    modifier: row.modifier ?? false,
    ...(row.targets ? { targets: row.targets } : {}),
    ...(row.binding ? { binding: row.binding } : {}),
  };
}
