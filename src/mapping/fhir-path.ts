import { typeDef, type PropertyDef } from '../fhir/elements.ts';
import type { Json, JsonObject } from '../fhir/types.ts';

/** One step of the FHIR side of a row. */
export interface FhirStep {
  /** JSON property: `name`, `deceasedBoolean`, `_birthDate`. */
  readonly name: string;
  /** `[n]`, from 0: this one element of the list, which other rows with the same step share. */
  readonly index?: number;
  /** `.where(use='home')`, `extension('url')`: the elements of the list that this row speaks of. */
  readonly where: readonly FhirTest[];
}

export interface FhirTest {
  /** Properties down to the value: `['type', 'coding', 'code']`; lists on the way mean any element. */
  readonly path: readonly string[];
  readonly value: string | boolean;
}

const STEP = /(_?[A-Za-z]\w*)/y;

/**
 * Parses the FHIR side of a row: `name.given`, `coding[0].code`, `telecom.where(use='home')`,
 * `extension('http://…').valueString`, `_birthDate.extension('http://…').valueDateTime`, `$this`.
 * @throws Error saying what is wrong.
 */
export function parseFhirPath(path: string): readonly FhirStep[] {
  if (path === '$this') return [];
  const steps: FhirStep[] = [];
  let at = 0;
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at + 1} of FHIR path ${path}`);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(path);
    if (!found) return undefined;
    at = pattern.lastIndex;
    return found[1] ?? found[0];
  };
  const expect = (pattern: RegExp, what: string): string => match(pattern) ?? fail(`expected ${what}`);

  const test = (): FhirTest => {
    const names = expect(/[A-Za-z_][\w.]*/y, 'an element').split('.');
    expect(/\s*=\s*/y, '=');
    const quoted = match(/'((?:[^'\\]|\\.)*)'/y);
    if (quoted !== undefined) return { path: names, value: quoted.replaceAll(/\\(.)/g, '$1') };
    return { path: names, value: expect(/true|false/y, 'a quoted text, true or false') === 'true' };
  };

  do {
    const name = expect(STEP, 'an element');
    const where: FhirTest[] = [];
    if ((name === 'extension' || name === 'modifierExtension') && match(/\(\s*/y) !== undefined) {
      where.push({ path: ['url'], value: expect(/'([^']*)'/y, 'a quoted url') });
      expect(/\s*\)/y, ')');
    }
    if (match(/\.where\(\s*/y) !== undefined) {
      do where.push(test());
      while (match(/\s+and\s+/y) !== undefined);
      expect(/\s*\)/y, ')');
    }
    const index = match(/\[(\d+)\]/y);
    steps.push(index === undefined ? { name, where } : { name, where, index: Number(index) });
  } while (match(/\./y) !== undefined);
  if (at < path.length) fail('unexpected text');
  return steps;
}

/**
 * A property of a FHIR type, as JSON has it; `_name` is the extensions of a primitive (FHIR R4 json.html#primitive).
 */
export function propertyOf(typeName: string, name: string): PropertyDef | undefined {
  const def = typeDef(typeName);
  if (!name.startsWith('_')) return def?.properties.get(name);
  const plain = def?.properties.get(name.slice(1));
  return plain && typeDef(plain.type)?.kind === 'primitive' ? { ...plain, name, type: 'Element' } : undefined;
}

/** Whether an element satisfies every test of a `where`. */
export function passes(item: Json | undefined, where: readonly FhirTest[]): boolean {
  return where.every((test) => anyEquals(item, test.path, 0, test.value));
}

function anyEquals(
  value: Json | undefined,
  path: readonly string[],
  at: number,
  wanted: string | boolean,
): boolean {
  if (Array.isArray(value)) return value.some((item) => anyEquals(item, path, at, wanted));
  if (at === path.length) return value === wanted;
  return isObject(value) && anyEquals(value[path[at]!], path, at + 1, wanted);
}

/** Adds to a new item what a `where` says and it does not say itself. */
export type Defaults = (item: Json) => void;

/**
 * Compiles a `where` of a list of `typeName`, so that new items get what it says; lists on the way get one element.
 * undefined: it says nothing.
 */
export function compileDefaults(where: readonly FhirTest[], typeName: string): Defaults | undefined {
  if (where.length === 0) return undefined;
  const tests = where.map(({ path, value }) => ({ steps: stepsAlong(path, typeName), value }));
  return (item) => {
    if (!isObject(item)) return;
    for (const { steps, value } of tests) setDefault(item, steps, 0, value);
  };
}

interface DefaultStep {
  readonly name: string;
  readonly list: boolean;
}

function stepsAlong(path: readonly string[], typeName: string): DefaultStep[] {
  let type = typeName;
  return path.map((name) => {
    const property = propertyOf(type, name);
    type = property?.type ?? '';
    return { name, list: (property?.element.max ?? 1) > 1 };
  });
}

function setDefault(
  target: JsonObject,
  steps: readonly DefaultStep[],
  at: number,
  value: string | boolean,
): void {
  const { name, list } = steps[at]!;
  const present = target[name];
  if (at === steps.length - 1) {
    if (present === undefined) target[name] = list ? [value] : value;
    return;
  }
  const holder = list && Array.isArray(present) ? present[0] : present;
  const child = isObject(holder) ? holder : {};
  setDefault(child, steps, at + 1, value);
  if (!isObject(holder)) target[name] = list ? [child] : child;
}

/** A JSON object that is not a list and not a raw number. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value);
}
