import type { Endpoint } from '../fhir/types.ts';
import type { Side } from '../ports.ts';

/** Backend names of an endpoint's sides, as its route has them now. */
export type SidesOf = (endpoint: Endpoint) => { readonly [Name in Side]?: string | undefined };

/** The side across. */
export function otherSide(side: Side): Side {
  return side === 'legacy' ? 'modern' : 'legacy';
}

/** The lock of a resource on one side: whoever writes there holds it. */
export function lockOf(side: Side, type: string, id: string): string {
  return `${side} ${type}/${id}`;
}

/** The resource type of an endpoint. */
export function typeOf(endpoint: Endpoint): string {
  return endpoint.slice(0, endpoint.indexOf('.'));
}
