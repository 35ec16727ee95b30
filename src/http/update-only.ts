import { FicusError } from '../errors.ts';
import type { Interaction } from '../fhir/types.ts';
import { allowedMethods } from './interaction.ts';
import type { Call } from './perform.ts';

/**
 * Throws what an update of something that is not there is answered with: 405, since ids are not chosen by clients
 * (`updateCreate` is false; FHIR R4 http.html#upsert, #rejecting-updates). What may not be seen is answered the same.
 * Throws any other failure as it is.
 *
 * @param promised the interactions promised for a type, for `Allow`
 */
export function refuseUpsert(
  error: unknown,
  { interaction, type, id }: Call['asked'],
  promised: (type: string) => readonly Interaction[] | undefined,
): never {
  const absent = error instanceof FicusError && error.code === 'not-found';
  if (interaction !== 'update' || id === undefined || !absent) throw error;
  const others = (promised(type) ?? []).filter((it) => it !== 'update');
  throw new FicusError(
    'method-not-allowed',
    `There is no ${type} with this id, and an update makes none: ids are given here, by a create`,
    { cause: error, headers: { allow: allowedMethods({ kind: 'instance', type, id }, others).join(', ') } },
  );
}
