import type { Backend, FhirRequest, RequestContext, Side } from '../ports.ts';
import { asResource, readBody } from './content.ts';
import { createModernSide } from './modern-side.ts';
import type { Put } from './modern-side.ts';
import { contentOf } from './write-content.ts';

/** Who is to do a write. */
interface Doer {
  readonly side: Side;
  readonly backend: Backend;
  /** Largest body of an answer that is read, in bytes. */
  readonly maxBytes: number;
}

/**
 * Sends a write that is written down: a PUT to a modern service, as it came to a legacy one.
 *
 * @throws what the backend throws
 */
export async function sendWrite(
  request: FhirRequest,
  { side, backend, maxBytes }: Doer,
  context: RequestContext,
): Promise<Put> {
  const resource = contentOf(request);
  if (side === 'modern') {
    const id = resource.id ?? '';
    const put = await createModernSide(backend, maxBytes).put({ ...request, id, resource }, context);
    if (!put.held) return put;
    const { headers } = put.response;
    const location = headers['location'] ?? `${request.type}/${id}`;
    const status = request.interaction === 'create' ? 201 : put.response.status;
    return { held: put.held, response: { ...put.response, status, headers: { ...headers, location } } };
  }
  const response = await backend.handle(request, context);
  if (response.status >= 300) return { response };
  const answer = asResource(await readBody(response.body, maxBytes));
  const held = answer?.resourceType === request.type ? answer : resource;
  return response.body.kind === 'pipe'
    ? { response: { ...response, body: { kind: 'resource', resource: held } }, held }
    : { response, held };
}
