import table from './data/bindings.json' with { type: 'json' };

/** A value set that a required binding names, listed in full: codes by code system. */
export type Binding = ReadonlyMap<string, ReadonlySet<string>>;

const rows: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(Object.entries(table));
const built = new Map<string, Binding>();

/**
 * The value set of a required binding by the name in elements.ts (`administrative-gender`).
 * @throws Error when there is none: the tables are generated together.
 */
export function binding(name: string): Binding {
  const known = built.get(name);
  if (known) return known;
  const row = rows.get(name);
  if (!row) throw new Error(`No value set ${name} in the FHIR tables`);
  const made = new Map(Object.entries(row).map(([system, codes]) => [system, new Set(codes.split(' '))]));
  built.set(name, made);
  return made;
}

/** Whether a bare `code` is in the value set, in whichever system. */
export function hasCode(set: Binding, code: string): boolean {
  for (const codes of set.values()) if (codes.has(code)) return true;
  return false;
}
