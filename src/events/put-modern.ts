import type { Resource } from '../fhir/types.ts';
import type { Backend } from '../ports.ts';
import { release, withoutServerMeta } from './content.ts';
import { SetbackError, setbackOfAnswer } from './verdict.ts';

/**
 * Brings a modern service one resource, under our id.
 * @throws SetbackError when it does not take it, and what the service throws
 */
export async function putModern(
  target: Backend,
  { type, id }: { readonly type: string; readonly id: string },
  resource: Resource,
  context: Parameters<Backend['handle']>[1],
): Promise<void> {
  const response = await target.handle(
    {
      interaction: 'update',
      type,
      id,
      resource: { ...withoutServerMeta(resource), id },
      handling: 'lenient',
      returning: 'minimal',
    },
    context,
  );
  release(response.body);
  const setback = setbackOfAnswer(response, 'modern');
  if (setback) throw new SetbackError(setback);
}
