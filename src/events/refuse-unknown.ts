import { FicusError } from '../errors.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { beforeWrite } from '../resilience/interaction.ts';
import { createModernSide } from './modern-side.ts';
import type { Outbox } from './outbox-port.ts';

export interface Known {
  readonly outbox: Pick<Outbox, 'knows'>;
  /** The legacy key behind a FHIR id; undefined: none is known. */
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
}

/**
 * An update makes nothing new on either side (`updateCreate` is false): an id that legacy did not give, and that is not
 * on its way, has to be in the modern service.
 *
 * @param maxBytes largest body that is read
 * @throws FicusError `not-found`; whatever keeps the service from saying so, as known to come from before the write
 */
export async function refuseUnknown(
  { outbox, keyOf }: Known,
  modern: Backend,
  what: { readonly type: string; readonly id: string; readonly maxBytes: number },
  context: RequestContext,
): Promise<void> {
  const { type, id, maxBytes } = what;
  if (outbox.knows(type, id) || (await keyOf(type, id)) !== undefined) return;
  const held = await createModernSide(modern, maxBytes)
    .read(type, id, context)
    .catch((error: unknown) => {
      throw beforeWrite(error);
    });
  if (!held) throw new FicusError('not-found', `There is no ${type} with this id.`);
}
