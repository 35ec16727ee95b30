import { rolesOf } from '../fhir/everything.ts';
import type { Endpoint, Interaction, JsonObject, Operation, Resource } from '../fhir/types.ts';
import type { Contract, PromisedParameter, ResourceContract } from './contract.ts';

/** How things stand with an endpoint at this moment. */
export interface EndpointState {
  /** What the backend behind its route declares; undefined: it is not routed. */
  readonly declared: readonly Endpoint[] | undefined;
  /** search: sets of parameters of which a search needs one in full; absent or with an empty set: none. */
  readonly anchors?: readonly (readonly string[])[];
}

/** What the statement says of this installation. */
export interface Installation {
  /** FHIR base address that clients see. */
  readonly base: string;
  /** Of the Ficus program. */
  readonly softwareVersion: string;
  /** When what is stated last changed: a FHIR dateTime. */
  readonly date: string;
  readonly cors: boolean;
  /** Where apps get tokens, as far as it is known; `open`: nobody needs one. */
  readonly security: 'open' | Readonly<Record<string, unknown>>;
}

/** The interactions as TypeRestfulInteraction codes, in the order they are listed. */
const CODES: Readonly<Record<Exclude<Interaction, Operation>, string>> = {
  read: 'read',
  vread: 'vread',
  history: 'history-instance',
  update: 'update',
  create: 'create',
  search: 'search-type',
};

/**
 * The CapabilityStatement (FHIR R4 capabilitystatement.html): what the contract promises and can be had here and now,
 * that is, routed to a backend that declares it. What no backend can do is not in it.
 */
export function capabilityStatement(
  contract: Contract,
  stateOf: (endpoint: Endpoint) => EndpointState,
  installation: Installation,
): Resource {
  const available = (type: string, interaction: Interaction): boolean => {
    const endpoint: Endpoint = `${type}.${interaction}`;
    return contract.promises(type, interaction) && (stateOf(endpoint).declared?.includes(endpoint) ?? false);
  };
  const resources = [...contract.resources.values()]
    .map((it) => resourceOf(it, available, stateOf(`${it.type}.search`).anchors, contract))
    .filter((it) => it !== undefined);
  return {
    resourceType: 'CapabilityStatement',
    name: 'FicusCapabilityStatement',
    title: contract.title,
    version: contract.version,
    status: 'active',
    date: installation.date,
    publisher: contract.publisher,
    description: contract.documentation,
    kind: 'instance',
    software: { name: 'Ficus', version: installation.softwareVersion },
    implementation: { description: contract.title, url: installation.base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        security: securityOf(installation),
        ...(resources.length > 0 ? { resource: resources } : {}),
        interaction: [
          { code: 'batch', documentation: 'Each entry by itself, with its own status; no transactions.' },
        ],
      },
    ],
  };
}

const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';
/** Names in that extension, and in the issuer's metadata (SMART App Launch 1.0, and still read by many apps). */
const URIS = [
  ['authorize', 'authorization_endpoint'],
  ['token', 'token_endpoint'],
  ['register', 'registration_endpoint'],
  ['manage', 'management_endpoint'],
  ['introspect', 'introspection_endpoint'],
  ['revoke', 'revocation_endpoint'],
] as const;

function securityOf({ cors, security, base }: Installation): JsonObject {
  if (security === 'open') {
    const description =
      'Open: callers are not authenticated and everyone sees everything. Not for real patients.';
    return { cors, description };
  }
  const uris = URIS.flatMap(([url, name]) => {
    const valueUri = security[name];
    return typeof valueUri === 'string' ? [{ url, valueUri }] : [];
  });
  const system = 'http://terminology.hl7.org/CodeSystem/restful-security-service';
  return {
    ...(uris.length > 0 ? { extension: [{ url: OAUTH_URIS, extension: uris }] } : {}),
    cors,
    service: [{ coding: [{ system, code: 'SMART-on-FHIR' }], text: 'SMART App Launch 2.2.0' }],
    description: `Tokens by SMART App Launch and Backend Services; ${base}/.well-known/smart-configuration says where they are had.`,
  };
}

type Available = (type: string, interaction: Interaction) => boolean;

/** undefined: nothing of it can be had. */
function resourceOf(
  resource: ResourceContract,
  available: Available,
  anchors: EndpointState['anchors'],
  contract: Contract,
): JsonObject | undefined {
  const { type, profile, conditional } = resource;
  const can = (interaction: Interaction): boolean => available(type, interaction);
  const interactions = (Object.keys(CODES) as (keyof typeof CODES)[]).filter(can);
  if (interactions.length === 0) return undefined;
  const conditionally = (write: 'create' | 'update'): boolean =>
    conditional.includes(write) && can(write) && can('search');
  return {
    type,
    profile,
    documentation: documentationOf(resource, can('search') ? anchors : undefined),
    interaction: interactions.map((it) => ({ code: CODES[it] })),
    versioning: 'versioned',
    readHistory: false,
    updateCreate: false,
    conditionalCreate: conditionally('create'),
    ...(can('read') ? { conditionalRead: 'not-match' } : {}),
    conditionalUpdate: conditionally('update'),
    conditionalDelete: 'not-supported',
    ...(can('search') ? searchOf(resource, available) : {}),
    ...operationsOf(resource, available, contract),
  };
}

/** `$everything`, and the types that it searches here and now. */
function operationsOf(
  { type, operations }: ResourceContract,
  available: Available,
  contract: Contract,
): JsonObject {
  const everything = operations.get('everything');
  if (!everything || !available(type, 'read')) return {};
  const searched = [...contract.resources.keys()].filter(
    (it) => available(it, 'search') && rolesOf(it, (name) => !!contract.parameter(it, name)).length > 0,
  );
  const documentation = `${documentationOf(everything, undefined)} Searches: ${[type, ...searched.toSorted()].join(', ')}.`;
  const definition = 'http://hl7.org/fhir/OperationDefinition/Patient-everything';
  return { operation: [{ name: 'everything', definition, documentation }] };
}

function searchOf({ type, search, includes }: ResourceContract, available: Available): JsonObject {
  const followed = includes.filter((name) => {
    const targets = search.get(name)?.definition.targets;
    return targets === undefined || targets.some((target) => available(target, 'read'));
  });
  return {
    ...(followed.length > 0 ? { searchInclude: followed.map((name) => `${type}:${name}`) } : {}),
    searchParam: [...search.values()].map(parameterOf),
  };
}

function parameterOf({ definition, modifiers }: PromisedParameter): JsonObject {
  const { code, type, targets } = definition;
  const said = [
    ...(modifiers.length > 0 ? [`Modifiers: ${modifiers.map((it) => `:${it}`).join(', ')}.`] : []),
    ...(type === 'reference' && targets ? [`Refers to: ${targets.join(', ')}.`] : []),
  ];
  return {
    name: code,
    definition: definition.definition,
    type,
    ...(said.length > 0 ? { documentation: said.join(' ') } : {}),
  };
}

function documentationOf(
  { owner, lifecycle, documentation }: Pick<ResourceContract, 'owner' | 'lifecycle' | 'documentation'>,
  anchors: EndpointState['anchors'],
): string {
  const { since, deprecated, sunset, successor, notice } = lifecycle;
  const needed =
    anchors && anchors.every((set) => set.length > 0) ? anchors.map((set) => set.join(' + ')) : [];
  return [
    ...(documentation === undefined ? [] : [documentation]),
    `Owner: ${owner}. Since ${since}.`,
    ...(deprecated === undefined ? [] : [`Deprecated from ${deprecated}.`]),
    ...(sunset === undefined ? [] : [`Gone from ${sunset}.`]),
    ...(successor === undefined ? [] : [`Its successor: <${successor}>.`]),
    ...(notice === undefined ? [] : [`Why, and what to do: <${notice}>.`]),
    ...(needed.length > 0 ? [`A search needs one of: ${needed.join('; ')}.`] : []),
  ].join(' ');
}
