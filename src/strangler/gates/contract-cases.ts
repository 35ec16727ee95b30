import type { SearchParameterDef } from '../../fhir/search-parameters.ts';
import type { SearchFilter, SearchQuery } from '../../fhir/search-query.ts';
import type { FhirRequest } from '../../ports.ts';
import { validateResource } from '../../fhir/validate.ts';
import type { CheckedAnswer } from './contract-answer.ts';
import { NOBODY, sampleOf } from './contract-sample.ts';
import type { Endpoint } from '../../fhir/types.ts';

/** What is promised of an endpoint that a backend serves. */
export interface EndpointPromise {
  readonly endpoint: Endpoint;
  /** search: the promised parameters. */
  readonly search?: readonly SearchParameterDef[];
}

/** One question put to a backend, and what has to come back. */
export interface ContractCase {
  readonly name: string;
  readonly request: FhirRequest;
  /** What is wrong with the answer, in words without its content; undefined: nothing. */
  readonly judge: (answer: CheckedAnswer) => string | undefined;
}

const UNKNOWN_PARAMETER = 'ficus-no-such-parameter';
const FEW = 5;

/** The questions that are asked about one endpoint. */
export function casesOf(promise: EndpointPromise): readonly ContractCase[] {
  const [type = '', interaction = ''] = promise.endpoint.split('.');
  switch (interaction) {
    case 'read':
    case 'vread':
      return [unknownRead(promise.endpoint, type, interaction)];
    case 'search':
      return [
        ...(promise.search ?? []).map((parameter) => parameterCase(promise.endpoint, type, parameter)),
        validCase(promise.endpoint, type),
        unknownParameter(promise.endpoint, type),
      ];
    case 'create':
      return [wrongType(promise.endpoint, type)];
    case 'update':
      return [wrongId(promise.endpoint, type)];
    default:
      return [];
  }
}

/** FHIR R4 http.html#read. */
function unknownRead(endpoint: string, type: string, interaction: 'read' | 'vread'): ContractCase {
  return {
    name: `${endpoint} of an unknown id`,
    request: {
      interaction,
      type,
      id: NOBODY,
      ...(interaction === 'vread' ? { versionId: '1' } : {}),
      handling: 'lenient',
    },
    judge: ({ status }) => (status === 404 ? undefined : `HTTP status ${status}, 404 was expected`),
  };
}

/** A value that nothing has is asked for: an answer that holds something has not looked at it. */
function parameterCase(endpoint: string, type: string, parameter: SearchParameterDef): ContractCase {
  const { code } = parameter;
  const { raw, value, impossible } = sampleOf(parameter);
  const filter: SearchFilter = { name: code, type: parameter.type, values: [value] };
  return {
    name: `${endpoint} by ${code}`,
    request: search(type, [[code, raw]], [filter]),
    judge: (answer) => {
      const problem = notSearchset(answer);
      if (problem !== undefined) return problem;
      if (answer.self !== undefined && !namesOf(answer.self).includes(code))
        return `its self link does not name ${code}: it was left out of the search`;
      if (impossible && (answer.matches?.length ?? 0) > 0)
        return 'it found resources by a value that nothing has';
      return undefined;
    },
  };
}

/**
 * What the backend holds is valid FHIR R4; where it holds nothing, or does not list without parameters, there is
 * nothing to say.
 */
function validCase(endpoint: string, type: string): ContractCase {
  return {
    name: `${endpoint} gives valid resources`,
    request: search(type, [['_count', String(FEW)]], [], FEW),
    judge: (answer) => {
      // A search without any filter may be refused as too costly.
      if (answer.status >= 400 && answer.status < 500 && answer.explained) return undefined;
      const problem = notSearchset(answer);
      if (problem !== undefined) return problem;
      for (const resource of answer.matches ?? []) {
        if (resource.resourceType !== type) return `it gave a resource that is no ${type} as a match`;
        const [issue] = validateResource(resource);
        if (issue)
          return `a resource is not valid FHIR R4: ${issue.expression?.join(', ') ?? type}: ${issue.diagnostics ?? issue.code}`;
      }
      return undefined;
    },
  };
}

/** FHIR R4 search.html#errors: with strict handling an unknown parameter is an error. */
function unknownParameter(endpoint: string, type: string): ContractCase {
  return {
    name: `${endpoint} by an unknown parameter, strictly`,
    request: { ...search(type, [[UNKNOWN_PARAMETER, NOBODY]], []), handling: 'strict' },
    judge: ({ status, explained }) => {
      if (status !== 400) return `HTTP status ${status}, 400 was expected`;
      return explained ? undefined : 'refused without an OperationOutcome';
    },
  };
}

/** FHIR R4 http.html#create: the body is a resource of the type in the address. */
function wrongType(endpoint: string, type: string): ContractCase {
  return {
    name: `${endpoint} of another type`,
    request: { interaction: 'create', type, resource: { resourceType: 'Parameters' }, handling: 'strict' },
    judge: refused,
  };
}

/** FHIR R4 http.html#update: an id in the body that is not the one in the address is refused. */
function wrongId(endpoint: string, type: string): ContractCase {
  const resource = { resourceType: type, id: `${NOBODY}-another` };
  return {
    name: `${endpoint} under another id`,
    request: { interaction: 'update', type, id: NOBODY, resource, handling: 'strict' },
    judge: refused,
  };
}

function refused({ status }: CheckedAnswer): string | undefined {
  if (status >= 400 && status < 500) return undefined;
  return `HTTP status ${status}; FHIR R4 says that it is refused${status < 300 ? ' (what it stored has to be removed by hand)' : ''}`;
}

function notSearchset({ status, searchset }: CheckedAnswer): string | undefined {
  if (status !== 200) return `HTTP status ${status}, 200 was expected`;
  return searchset === true ? undefined : 'the answer is no searchset';
}

function namesOf(self: string): string[] {
  const at = self.indexOf('?');
  const names = at === -1 ? [] : [...new URLSearchParams(self.slice(at + 1)).keys()];
  return names.map((name) => name.split(':', 1)[0] ?? name);
}

function search(
  type: string,
  applied: SearchQuery['applied'],
  filters: readonly SearchFilter[],
  count?: number,
): FhirRequest {
  const query: SearchQuery = {
    type,
    filters,
    sort: [],
    include: [],
    applied,
    ignored: [],
    ...(count === undefined ? {} : { count }),
  };
  return { interaction: 'search', type, query, handling: 'lenient' };
}
