import { FicusError } from '../errors.ts';

/**
 * A write has no use for `If-None-Match`, and is not carried out as if it had not been said (RFC 9110 §13.1.2).
 * Throws `parameter-invalid`.
 *
 * @param where name of the header, or path of the element that stands for it
 */
export function refuseIfNoneMatch(value: string | undefined, where: string): void {
  if (value === undefined) return;
  throw new FicusError(
    'parameter-invalid',
    'A write cannot depend on If-None-Match; a create has If-None-Exist, an update If-Match',
    { expression: [where] },
  );
}
