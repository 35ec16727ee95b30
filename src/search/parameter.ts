import { binding } from '../fhir/bindings.ts';
import { typeDef, type ElementDef } from '../fhir/elements.ts';
import { compileExpression, type CompiledExpression } from '../fhir/path.ts';
import { searchParameter, type SearchParameterDef } from '../fhir/search-parameters.ts';

/** A search parameter that can be evaluated: HL7's definition with its expression compiled. */
export interface SearchParameter {
  readonly definition: SearchParameterDef;
  readonly extract: CompiledExpression;
  /** For elements of type `code`: the codes of the value set it is bound to, by code system. Absent: not enumerable. */
  readonly codeSystems?: ReadonlyMap<string, ReadonlySet<string>>;
}

const known = new Map<SearchParameterDef, SearchParameter | undefined>();

/**
 * The R4 search parameter `name` of a resource type, ready to be evaluated. undefined: the standard has none of that
 * name, or it is one that no evaluator of resources can answer (`_content`, `phonetic`, `near`).
 */
export function evaluable(type: string, name: string): SearchParameter | undefined {
  const definition = searchParameter(type, name);
  if (!definition) return undefined;
  if (!known.has(definition)) known.set(definition, compile(definition));
  return known.get(definition);
}

function compile(definition: SearchParameterDef): SearchParameter | undefined {
  if (!definition.expression || definition.usage || definition.type === 'special') return undefined;
  const extract = compileExpression(definition.expression);
  const codeSystems = extract.types.includes('code') ? codesOf(definition.expression) : undefined;
  return { definition, extract, ...(codeSystems ? { codeSystems } : {}) };
}

/** The bound codes of every path of an expression; undefined when one of them is no plain path to a bound element. */
function codesOf(expression: string): ReadonlyMap<string, ReadonlySet<string>> | undefined {
  const all = new Map<string, ReadonlySet<string>>();
  for (const path of expression.split(' | ')) {
    const element = elementAt(path);
    if (!element?.binding) return undefined;
    for (const [system, codes] of binding(element.binding)) {
      all.set(system, new Set([...(all.get(system) ?? []), ...codes]));
    }
  }
  return all;
}

function elementAt(path: string): ElementDef | undefined {
  if (!/^[A-Z]\w*(\.\w+)+$/.test(path)) return undefined;
  const [root = '', ...names] = path.split('.');
  let owner = typeDef(root);
  let element: ElementDef | undefined;
  for (const name of names) {
    element = owner?.elements.get(name);
    owner = element?.types.length === 1 ? typeDef(element.types[0]!) : undefined;
  }
  return element;
}
