import { FicusError, type Issue } from '../errors.ts';
import { validateResource } from '../fhir/validate.ts';
import type { Interaction, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirRequest, Layer } from '../ports.ts';
import type { Contract } from './contract.ts';

/**
 * Lets through what the contract promises, and bodies that are valid FHIR R4 (FHIR R4 http.html#create, #update).
 *
 * Throws FicusError: `not-promised` (a type outside of the API), `method-not-allowed` (an interaction that is not
 * promised, with Allow), `search-unsupported` (criteria on a write that takes none), `invalid` (a body with its
 * problems, or whose type or id contradicts the address).
 */
export function contractLayer(contract: Contract): Layer {
  return (next) => ({
    async handle(request, context) {
      checkPromised(contract, request);
      return await next.handle(checkBody(request), context);
    },
  });
}

/** Refuses what is not promised, and says so. @throws FicusError, see contractLayer. */
function checkPromised(contract: Contract, request: FhirRequest): void {
  const { type, interaction } = request;
  const resource = contract.resources.get(type);
  if (!resource) {
    throw new FicusError(
      'not-promised',
      'This resource type is not part of the API; /metadata lists what is.',
    );
  }
  if (!contract.promises(type, interaction)) {
    if (interaction === 'everything')
      throw new FicusError('not-promised', `The API has no $everything of ${type}.`);
    throw new FicusError('method-not-allowed', `The API has no ${interaction} of ${type}.`, {
      headers: { allow: allowed(resource.interactions, request).join(', ') },
    });
  }
  const criteria = interaction === 'update' ? request.id === undefined : request.ifNoneExist !== undefined;
  if (
    criteria &&
    (interaction === 'create' || interaction === 'update') &&
    !resource.conditional.includes(interaction)
  ) {
    const options = interaction === 'create' ? { expression: ['If-None-Exist'] } : {};
    throw new FicusError(
      'search-unsupported',
      `The API has no conditional ${interaction} of ${type}.`,
      options,
    );
  }
}

/** Methods of the address that was asked. */
function allowed(interactions: readonly Interaction[], { interaction, id }: FhirRequest): string[] {
  const version = interaction === 'vread' || interaction === 'history' ? interaction : undefined;
  const instance = id !== undefined || interaction === 'read' || version !== undefined;
  const methods: readonly (readonly [Interaction, readonly string[]])[] = instance
    ? [[version ?? 'read', ['GET', 'HEAD']], ...(version ? [] : [['update', ['PUT']] as const])]
    : [
        ['search', ['GET', 'HEAD']],
        ['create', ['POST']],
      ];
  return [...methods.filter(([it]) => interactions.includes(it)).flatMap(([, names]) => names), 'OPTIONS'];
}

/** The request with its body checked; a create without the id and version that a client may have left in it. */
function checkBody(request: FhirRequest): FhirRequest {
  const { resource, type, id, interaction } = request;
  if (!resource || (interaction !== 'create' && interaction !== 'update')) return request;
  const issues = [
    ...disagreements(resource, type, interaction === 'update' ? id : undefined),
    ...validateResource(resource),
  ];
  if (issues.length > 0) {
    throw new FicusError('invalid', `The body is not a valid FHIR R4 ${type}.`, { issues });
  }
  return interaction === 'create' ? { ...request, resource: withoutIdentity(resource) } : request;
}

function disagreements(resource: Resource, type: string, id: string | undefined): Issue[] {
  const issue = (member: string, diagnostics: string): Issue => ({
    severity: 'error',
    code: 'invalid',
    diagnostics,
    expression: [`${type}.${member}`],
  });
  const { resourceType } = resource;
  if (typeof resourceType === 'string' && resourceType !== type) {
    return [issue('resourceType', `The address is for ${type}; the body is another type of resource.`)];
  }
  if (id === undefined) return [];
  if (resource.id === undefined) return [issue('id', 'An update names its id in the body, too.')];
  return resource.id === id ? [] : [issue('id', 'The id of the body is not that of the address.')];
}

/** FHIR R4 http.html#create: an id in the body is ignored, and so are meta.versionId and meta.lastUpdated. */
function withoutIdentity(resource: Resource): Resource {
  const { id: _id, meta, ...rest } = resource;
  if (meta === undefined) return rest;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta as JsonObject;
  return Object.keys(kept).length === 0 ? rest : { ...rest, meta: kept };
}
