import { FicusError } from '../errors.ts';
import { isFhirId } from '../fhir/id.ts';
import type { Interaction, Operation } from '../fhir/types.ts';
import { decodePart } from './url.ts';

/** What an address below the FHIR base stands for (FHIR R4 http.html#summary). */
export type Address =
  | { readonly kind: 'base' }
  | { readonly kind: 'metadata' }
  | { readonly kind: 'type'; readonly type: string }
  | { readonly kind: 'search'; readonly type: string }
  | { readonly kind: 'instance'; readonly type: string; readonly id: string }
  | { readonly kind: 'history'; readonly type: string; readonly id: string }
  | { readonly kind: 'operation'; readonly operation: Operation; readonly type: string; readonly id?: string }
  | { readonly kind: 'version'; readonly type: string; readonly id: string; readonly versionId: string };

/** What a request asks for: an interaction on an endpoint, or one of the system's own two. */
export type Asked =
  | { readonly kind: 'metadata' }
  | { readonly kind: 'batch' }
  | {
      readonly kind: 'interaction';
      readonly interaction: Interaction;
      readonly type: string;
      readonly id?: string;
      readonly versionId?: string;
      /** A search whose parameters are (also) in the body. */
      readonly form?: boolean;
      /** An operation whose parameters are (also) in the body, a Parameters resource. */
      readonly inBody?: boolean;
    };

const EVERYTHING = '$everything';
const TYPE = /^[A-Z][A-Za-z]{1,63}$/;

/**
 * The address behind a path below the base. Empty segments are skipped (`//Patient/` is `Patient`). undefined: no such
 * address (operations that are not known, `_history` of types, deeper paths). Throws `malformed` for broken
 * percent-encoding.
 */
export function parseAddress(path: string): Address | undefined {
  const segments = segmentsOf(path);
  const [type, id, history, versionId] = segments;
  if (type === undefined) return { kind: 'base' };
  if (segments.length === 1 && type === 'metadata') return { kind: 'metadata' };
  if (!TYPE.test(type)) return undefined;
  if (id === undefined) return { kind: 'type', type };
  if (segments.length === 2) {
    if (id === '_search') return { kind: 'search', type };
    if (id === EVERYTHING) return { kind: 'operation', operation: 'everything', type };
    return id.startsWith('$') || id.startsWith('_') ? undefined : { kind: 'instance', type, id };
  }
  if (segments.length === 3 && history === '_history') return { kind: 'history', type, id };
  if (segments.length === 3 && history === EVERYTHING)
    return { kind: 'operation', operation: 'everything', type, id };
  if (segments.length === 4 && history === '_history' && versionId !== undefined) {
    return { kind: 'version', type, id, versionId };
  }
  return undefined;
}

/** What stands between slashes, decoded. */
function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  for (let from = 0; from < path.length;) {
    const slash = path.indexOf('/', from);
    const end = slash === -1 ? path.length : slash;
    if (end > from) segments.push(decodePart(path.slice(from, end)));
    from = end + 1;
  }
  return segments;
}

/** Methods that an address knows, and the interaction each one means. HEAD is answered as GET without its body. */
const INTERACTIONS: Readonly<Record<Address['kind'], Readonly<Record<string, Interaction>>>> = {
  base: {},
  metadata: {},
  type: { GET: 'search', HEAD: 'search', POST: 'create', PUT: 'update' },
  search: { POST: 'search' },
  instance: { GET: 'read', HEAD: 'read', PUT: 'update' },
  history: { GET: 'history', HEAD: 'history' },
  version: { GET: 'vread', HEAD: 'vread' },
  operation: { GET: 'everything', HEAD: 'everything', POST: 'everything' },
};

/** The methods that may be used on an address, for `Allow`. */
export function allowedMethods(address: Address, promised: readonly Interaction[]): string[] {
  if (address.kind === 'base') return ['POST', 'OPTIONS'];
  if (address.kind === 'metadata') return ['GET', 'HEAD', 'OPTIONS'];
  const methods = Object.entries(INTERACTIONS[address.kind]).filter(([, interaction]) =>
    promised.includes(interaction),
  );
  return [...methods.map(([method]) => method), 'OPTIONS'];
}

/**
 * What a method asks of an address.
 *
 * @param promised the interactions promised for a type; undefined when the type is not part of the API
 * Throws `not-promised` (404) for a type outside the API, `method-not-allowed` (405, with Allow), `not-found` for an id
 * that no resource can have.
 */
export function askedOf(
  method: string,
  address: Address,
  promised: (type: string) => readonly Interaction[] | undefined,
): Asked {
  if (address.kind === 'base' || address.kind === 'metadata') {
    const allowed = allowedMethods(address, []);
    if (!allowed.includes(method)) throw methodNotAllowed(allowed);
    return { kind: address.kind === 'base' ? 'batch' : 'metadata' };
  }
  const interactions = promised(address.type);
  if (!interactions) {
    throw new FicusError(
      'not-promised',
      'This resource type is not part of the API; /metadata lists what is',
    );
  }
  if (address.kind === 'operation' && !interactions.includes(address.operation))
    throw new FicusError('not-promised', `The API has no $${address.operation} of ${address.type}`);
  const interaction = INTERACTIONS[address.kind][method];
  if (!interaction || !interactions.includes(interaction))
    throw methodNotAllowed(allowedMethods(address, interactions));
  const { type } = address;
  if (address.kind === 'type') return { kind: 'interaction', interaction, type };
  if (address.kind === 'search') return { kind: 'interaction', interaction, type, form: true };
  if (address.kind === 'operation') return operationOf(method, address);
  if (!isFhirId(address.id)) {
    if (interaction === 'update')
      throw new FicusError('invalid', 'The id in the address is not a legal FHIR id');
    throw noSuchId(type);
  }
  if (address.kind !== 'version') return { kind: 'interaction', interaction, type, id: address.id };
  if (!isFhirId(address.versionId))
    throw new FicusError('not-found', `There is no such version of this ${type}`);
  return { kind: 'interaction', interaction, type, id: address.id, versionId: address.versionId };
}

function operationOf(
  method: string,
  { operation, type, id }: Extract<Address, { kind: 'operation' }>,
): Asked {
  if (id !== undefined && !isFhirId(id)) throw noSuchId(type);
  const asked = { kind: 'interaction', interaction: operation, type } as const;
  return { ...asked, ...(id === undefined ? {} : { id }), ...(method === 'POST' ? { inBody: true } : {}) };
}

function noSuchId(type: string): FicusError {
  return new FicusError('not-found', `There is no such ${type}: its id is not a legal FHIR id`);
}

function methodNotAllowed(allowed: readonly string[]): FicusError {
  return new FicusError('method-not-allowed', 'This address does not take that method', {
    headers: { allow: allowed.join(', ') },
  });
}
