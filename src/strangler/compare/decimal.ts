import { CHANGED, type Change } from './text.ts';

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

interface Decimal {
  readonly digits: bigint;
  /** Digits behind the point, as written; `1e2` has none. */
  readonly scale: number;
}

function read(text: string): Decimal | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** A decimal's digits in one form: `1e2` is `100`, `1.50` stays `1.50` (FHIR R4 datatypes.html#decimal). */
export function canonicalDecimal(text: string): string {
  const value = read(text);
  return value ? `${value.digits}/${value.scale}` : text;
}

/**
 * How two decimals differ, by their digits as written. `1.50` and `1.5` differ in precision: FHIR R4 demands that it is
 * kept.
 */
export function decimalChange(legacy: string, modern: string): Change | undefined {
  if (legacy === modern) return undefined;
  const before = read(legacy);
  const after = read(modern);
  if (!before || !after) return CHANGED;
  if (raised(before, after.scale) === raised(after, before.scale)) {
    if (before.scale === after.scale) return undefined;
    return { detail: after.scale < before.scale ? 'precision lost' : 'precision added' };
  }
  if (before.digits === -after.digits && before.scale === after.scale) return { detail: 'the sign' };
  if (significant(before.digits) === significant(after.digits)) return { detail: 'a power of ten' };
  if (isRounded(before, after)) return { detail: 'rounded' };
  return CHANGED;
}

/** Digits of a value at the larger of two scales, so that two values can be compared. */
function raised({ digits, scale }: Decimal, other: number): bigint {
  return other > scale ? digits * 10n ** BigInt(other - scale) : digits;
}

function significant(digits: bigint): string {
  return digits.toString().replace(/0+$/, '');
}

/** Whether `after` is `before` with fewer digits: rounded to the nearest, or cut. */
function isRounded(before: Decimal, after: Decimal): boolean {
  if (after.scale >= before.scale) return false;
  const unit = 10n ** BigInt(before.scale - after.scale);
  const distance = before.digits - after.digits * unit;
  return distance < unit && distance > -unit;
}
