import { BEGINNING, END } from '../search/dates.ts';
import type { Decimal } from '../search/decimal.ts';

/**
 * Texts that stand in the order of what they stand for, compared byte by byte: exact where a number of SQLite is not.
 */

/** Before and after every key of a time or a number: an end that is open. */
export const FIRST = '';
export const LAST = '~';

const SECOND = 1_000_000_000n;
/** Seconds from the beginning of the year 1 to 1970, and more: what is encoded is never negative. */
const SHIFT = 100_000_000_000;
const WIDTH = 8;

/** The key of a moment, in nanoseconds since the epoch; years from 0 to 9999 and beyond. */
export function timeKey(nanoseconds: bigint): string {
  if (nanoseconds <= BEGINNING) return FIRST;
  if (nanoseconds >= END) return LAST;
  let seconds = nanoseconds / SECOND;
  let rest = nanoseconds % SECOND;
  if (rest < 0n) {
    seconds -= 1n;
    rest += SECOND;
  }
  const shifted = Number(seconds) + SHIFT;
  if (shifted < 0) return FIRST;
  const whole = shifted.toString(36).padStart(WIDTH, '0');
  if (whole.length > WIDTH) return LAST;
  return rest === 0n ? whole : whole + rest.toString().padStart(9, '0').replace(/0+$/, '');
}

const EXPONENT_SHIFT = 100_000;
const EXPONENT_WIDTH = 6;

/** The key of a decimal: 1.50 and 1.5 have the same one. */
export function decimalKey({ digits, scale }: Decimal): string {
  if (digits === 0n) return 'o';
  const negative = digits < 0n;
  const text = (negative ? -digits : digits).toString();
  const exponent = text.length - scale + EXPONENT_SHIFT;
  const significant = text.replace(/0+$/, '');
  if (!negative) return `p${String(exponent).padStart(EXPONENT_WIDTH, '0')}${significant}`;
  // The larger its magnitude, the earlier a negative number comes: every digit is turned round, and the end stands
  // after any digit.
  const turned = String(10 ** EXPONENT_WIDTH - 1 - exponent).padStart(EXPONENT_WIDTH, '0');
  return `n${turned}${turnDigits(significant)}~`;
}

function turnDigits(digits: string): string {
  let turned = '';
  for (const digit of digits) turned += String(9 - Number(digit));
  return turned;
}
