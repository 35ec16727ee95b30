import { textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';

/**
 * XTN.5 to XTN.8 -> one number, as v2-to-FHIR XTN[ContactPoint] writes it: `+1 919 5551212 X12`. Read only; see the
 * row.
 */
export const XTN_PARTS: Codec = {
  read(place) {
    const [country, area, local, extension] = [5, 6, 7, 8].map((part) => textOf(place.child(part)));
    if (local === undefined) return undefined;
    const prefix = country === undefined ? '' : `+${country.replace(/^\+/, '')} `;
    return `${prefix}${area === undefined ? '' : `${area} `}${local}${extension === undefined ? '' : ` X${extension}`}`;
  },
  write(value, place) {
    if (value !== undefined) return false;
    for (const part of [5, 6, 7, 8]) place.child(part).clear();
    return true;
  },
};
