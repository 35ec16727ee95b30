import { searchParameter, type SearchParameterDef } from '../fhir/search-parameters.ts';
import type { Interaction, Operation } from '../fhir/types.ts';
import type { ContractFile, OperationFile } from './schema.ts';

/** A search parameter that is promised: HL7's definition and the modifiers that go with it. */
export interface PromisedParameter {
  readonly definition: SearchParameterDef;
  /** Without the colon: `exact`. */
  readonly modifiers: readonly string[];
}

/** What is promised of one resource type. */
export interface ResourceContract {
  readonly type: string;
  /** Canonical of the StructureDefinition that bodies are checked against. */
  readonly profile: string;
  readonly owner: string;
  readonly lifecycle: {
    readonly since: string;
    readonly deprecated?: string | undefined;
    readonly sunset?: string | undefined;
    readonly successor?: string | undefined;
    readonly notice?: string | undefined;
  };
  readonly documentation?: string | undefined;
  readonly interactions: readonly Interaction[];
  /** Writes that take criteria. */
  readonly conditional: readonly ('create' | 'update')[];
  readonly search: ReadonlyMap<string, PromisedParameter>;
  /** Reference parameters that `_include` may follow. */
  readonly includes: readonly string[];
  readonly operations: ReadonlyMap<Operation, OperationFile>;
}

/** The published API: a checked contract file and the questions asked of it. */
export interface Contract {
  readonly title: string;
  readonly version: string;
  readonly publisher: string;
  readonly documentation: string;
  readonly resources: ReadonlyMap<string, ResourceContract>;
  /** Whether the API has this type at all. */
  serves(type: string): boolean;
  /** undefined: the type is not part of the API. */
  interactions(type: string): readonly Interaction[] | undefined;
  /** The same with the operations. */
  answers(type: string): readonly Interaction[] | undefined;
  promises(type: string, interaction: Interaction): boolean;
  searchParameter(type: string, name: string): PromisedParameter | undefined;
  /** The same by the name that search rules know it by. */
  parameter(type: string, name: string): PromisedParameter | undefined;
  /** Whether `_include=type:parameter` is promised. */
  include(type: string, parameter: string): boolean;
}

/** A Contract of a file that checkContract has found nothing wrong with. */
export function createContract(file: ContractFile): Contract {
  const resources = new Map(
    Object.entries(file.resources).map(([type, it]): [string, ResourceContract] => {
      const { profile, owner, lifecycle, documentation, interactions, conditional, includes } = it;
      const search = new Map(
        Object.entries(it.search).map(([name, modifiers]) => [
          name,
          { definition: searchParameter(type, name)!, modifiers },
        ]),
      );
      const { everything } = it.operations;
      const operations = new Map<Operation, OperationFile>(everything ? [['everything', everything]] : []);
      const life = { owner, lifecycle, documentation };
      return [type, { type, profile, ...life, interactions, conditional, search, includes, operations }];
    }),
  );
  const answers = new Map(
    [...resources].map(([type, { interactions, operations }]) => [
      type,
      [...interactions, ...operations.keys()],
    ]),
  );
  const parameter = (type: string, name: string): PromisedParameter | undefined =>
    resources.get(type)?.search.get(name);
  const { title, version, publisher, documentation } = file;
  return {
    title,
    version,
    publisher,
    documentation,
    resources,
    serves: (type) => resources.has(type),
    interactions: (type) => resources.get(type)?.interactions,
    answers: (type) => answers.get(type),
    promises: (type, interaction) => answers.get(type)?.includes(interaction) ?? false,
    searchParameter: parameter,
    parameter,
    include: (type, name) => resources.get(type)?.includes.includes(name) ?? false,
  };
}

/** What has a life of its own: types, and their operations as `Patient.everything`. */
export function livesOf({
  resources,
}: Contract): readonly { readonly type: string; readonly lifecycle: ResourceContract['lifecycle'] }[] {
  return [...resources.values()].flatMap(({ type, lifecycle, operations }) => [
    { type, lifecycle },
    ...[...operations].map(([name, operation]) => ({
      type: `${type}.${name}`,
      lifecycle: operation.lifecycle,
    })),
  ]);
}
