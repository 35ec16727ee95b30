/**
 * An exact decimal: `digits` × 10^-`scale`. Clinical values are never a JavaScript number on their way through a
 * search.
 */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** A decimal with the range its digits imply: `low` ≤ x < `high` (FHIR R4 search.html#number). */
export interface DecimalRange {
  readonly value: Decimal;
  readonly low: Decimal;
  readonly high: Decimal;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/** Exponents beyond this are no measurement; they would only cost memory. */
const MAX_EXPONENT = 999;

interface Parts {
  readonly value: Decimal;
  /** Written as one digit and a positive exponent, e.g. `1e2`. */
  readonly loneDigit: boolean;
}

function read(text: string): Parts | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  const digits = BigInt(whole + fraction);
  return {
    value: { digits: sign === '-' ? -digits : digits, scale: fraction.length - exponent },
    loneDigit: exponent > 0 && fraction === '' && whole.length === 1,
  };
}

/**
 * The decimal of its JSON or query text, every digit kept; undefined when it is none (or its exponent is beyond ±999).
 */
export function parseDecimal(text: string): Decimal | undefined {
  return read(text)?.value;
}

/**
 * The range a search value stands for: half a unit of its last significant digit to either side.
 * `100` is [99.5, 100.5), `100.00` is [99.995, 100.005), `5.40e-3` is 0.0054 ± 0.000005. A lone digit with a positive
 * exponent follows the specification's own example, which gives `1e2` as [95, 105).
 * FHIR R4 search.html#number
 */
export function impliedRange(text: string): DecimalRange | undefined {
  const parts = read(text);
  if (!parts) return undefined;
  const { value } = parts;
  const scale = value.scale + (parts.loneDigit ? 2 : 1);
  const digits = value.digits * (parts.loneDigit ? 100n : 10n);
  return { value, low: { digits: digits - 5n, scale }, high: { digits: digits + 5n, scale } };
}

/** The value give or take a tenth of itself: what `ap` means (FHIR R4 search.html#prefix). Both ends belong to it. */
export function approximateRange(value: Decimal): { readonly low: Decimal; readonly high: Decimal } {
  const tenth = value.digits < 0n ? -value.digits : value.digits;
  const digits = value.digits * 10n;
  return {
    low: { digits: digits - tenth, scale: value.scale + 1 },
    high: { digits: digits + tenth, scale: value.scale + 1 },
  };
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`, as numbers: 1.50 equals 1.5. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const left = a.digits * 10n ** BigInt(scale - a.scale);
  const right = b.digits * 10n ** BigInt(scale - b.scale);
  return left < right ? -1 : left > right ? 1 : 0;
}
