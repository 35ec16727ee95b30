import { typeDef } from '../fhir/elements.ts';
import { ByName } from './by-name.ts';

const known = new ByName<readonly string[]>();

/** The JSON names that say the same element as `name`: its choices, and their `_name` for extensions of primitives. */
export function namesOf(type: string, name: string): readonly string[] {
  const before = known.get(type, name);
  if (before) return before;
  const def = typeDef(type);
  const plain = name.startsWith('_') ? name.slice(1) : name;
  const element = def?.properties.get(plain)?.element ?? def?.elements.get(plain);
  const properties = [...(def?.properties.values() ?? [])].filter((it) => it.element === element);
  const all = properties.length > 0 ? properties.map((it) => it.name) : [plain];
  const both = all.flatMap((it) => [it, `_${it}`]);
  known.set(type, name, both);
  return both;
}
