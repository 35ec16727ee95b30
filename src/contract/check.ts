import { isResourceType } from '../fhir/elements.ts';
import { searchParameter } from '../fhir/search-parameters.ts';
import type { SearchParamType } from '../fhir/search-query.ts';
import type { ContractProblem } from './problem.ts';
import type { ContractFile, ResourceFile } from './schema.ts';

/**
 * The modifiers that can be promised for a type of parameter: FHIR R4's (search.html#modifiers), as far as Ficus
 * evaluates them.
 */
const MODIFIERS: Readonly<Record<SearchParamType, readonly string[]>> = {
  string: ['missing', 'exact', 'contains'],
  token: ['missing', 'not'],
  reference: ['missing', 'identifier'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  uri: ['missing'],
  composite: [],
  special: [],
};

/** Interactions whose answer leads to others: without a read, a version, a `Location` or an update hang in the air. */
const NEEDS_READ = ['vread', 'history', 'update'] as const;

/** What the file promises that FHIR R4 does not have, or that contradicts itself; all of it, with paths. */
export function checkContract(file: ContractFile): ContractProblem[] {
  const problems: ContractProblem[] = [];
  for (const [type, resource] of Object.entries(file.resources)) {
    const report = (path: string, message: string): void => {
      problems.push({ path: `resources.${type}${path}`, message });
    };
    if (!isResourceType(type)) {
      report('', 'is no FHIR R4 resource type');
      continue;
    }
    checkResource(type, resource, file, report);
  }
  return problems;
}

type Report = (path: string, message: string) => void;
type Lifecycle = ResourceFile['lifecycle'];

function checkResource(type: string, resource: ResourceFile, file: ContractFile, report: Report): void {
  const { interactions, conditional, search, includes } = resource;
  if (resource.profile !== `http://hl7.org/fhir/StructureDefinition/${type}`) {
    report(
      '.profile',
      `cannot be claimed: bodies are checked against FHIR R4's own ${type}, nothing narrower`,
    );
  }
  for (const [key, list] of Object.entries({ interactions, conditional, includes })) {
    if (new Set<string>(list).size < list.length) report(`.${key}`, 'names something twice');
  }
  for (const interaction of NEEDS_READ) {
    if (interactions.includes(interaction) && !interactions.includes('read')) {
      report('.interactions', `${interaction} needs read`);
    }
  }
  const searchable = interactions.includes('search');
  if (searchable !== Object.keys(search).length > 0) {
    report(
      '.search',
      searchable ? 'search is promised without parameters' : 'has parameters, but search is not promised',
    );
  }
  for (const write of conditional) {
    if (!interactions.includes(write) || !searchable)
      report('.conditional', `${write} needs ${write} and search`);
  }
  checkOperations(type, resource, file, report);
  for (const [name, modifiers] of Object.entries(search)) checkParameter(type, name, modifiers, report);
  for (const name of includes) checkInclude(type, name, resource, file, report);
  checkLifecycle(resource.lifecycle, file, (path, message) => report(`.lifecycle${path}`, message));
}

function checkOperations(
  type: string,
  { interactions, operations: { everything } }: ResourceFile,
  file: ContractFile,
  report: Report,
): void {
  if (!everything) return;
  const path = '.operations.everything';
  if (type !== 'Patient') report(path, 'is an operation of Patient');
  else if (!interactions.includes('read')) report(path, 'needs read');
  checkLifecycle(everything.lifecycle, file, (at, message) => report(`${path}.lifecycle${at}`, message));
}

function checkParameter(type: string, name: string, modifiers: readonly string[], report: Report): void {
  const path = `.search.${name}`;
  const definition = searchParameter(type, name);
  if (!definition) {
    report(path, `FHIR R4 has no search parameter ${name} on ${type}`);
    return;
  }
  if (!definition.expression || definition.usage !== undefined || definition.type === 'special') {
    report(path, 'cannot be promised: it is not defined by elements of the resource');
  }
  for (const modifier of modifiers) {
    if (!MODIFIERS[definition.type].includes(modifier)) {
      report(path, `:${modifier} cannot be promised on a ${definition.type} parameter`);
    }
  }
  if (new Set(modifiers).size < modifiers.length) report(path, 'names a modifier twice');
}

function checkInclude(
  type: string,
  name: string,
  resource: ResourceFile,
  file: ContractFile,
  report: Report,
): void {
  const path = `.includes.${name}`;
  const definition = searchParameter(type, name);
  if (!Object.hasOwn(resource.search, name)) {
    report(path, 'is no search parameter promised here');
  } else if (definition?.type !== 'reference') {
    report(path, 'is no reference');
  } else if (!promisedTargets(definition.targets, file).length) {
    report(path, 'refers to nothing that can be read here');
  }
}

/** Of the types a reference may point at, those that the contract lets be read. */
function promisedTargets(targets: readonly string[] | undefined, file: ContractFile): string[] {
  return Object.entries(file.resources)
    .filter(([type, { interactions }]) => interactions.includes('read') && (targets?.includes(type) ?? true))
    .map(([type]) => type);
}

function checkLifecycle(lifecycle: Lifecycle, { version }: ContractFile, report: Report): void {
  const { since, deprecated, sunset } = lifecycle;
  if (compareVersions(since, version) > 0) report('.since', `is later than this contract, ${version}`);
  if (sunset !== undefined && (deprecated === undefined || deprecated >= sunset)) {
    report('.sunset', 'comes after a day of deprecation');
  }
  for (const link of ['successor', 'notice'] as const) {
    if (lifecycle[link] !== undefined && deprecated === undefined)
      report(`.${link}`, 'comes with a day of deprecation');
  }
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((it) => it.split('.').map(Number));
  for (const [index, part] of left!.entries()) {
    const difference = part - right![index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
