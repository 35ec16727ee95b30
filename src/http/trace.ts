import { randomBytes } from 'node:crypto';

const SANE_REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Digits drawn at once: to draw a few costs as much. */
const DRAWN_BYTES = 4_096;
/** The bits that say which variant a UUID is of (RFC 9562 §4.1). */
const VARIANT = '89ab';
let digits = '';
let used = 0;

/** Hexadecimal digits that were not used before. */
function randomDigits(length: number): string {
  if (used + length > digits.length) {
    digits = randomBytes(DRAWN_BYTES).toString('hex');
    used = 0;
  }
  used += length;
  return digits.slice(used - length, used);
}

/** One of 8, 9, a, b: never zero. */
function variant(digit: string): string {
  return VARIANT.charAt(digit.charCodeAt(0) & 3);
}

/** RFC 9562 §5.4. */
function uuid(): string {
  const drawn = randomDigits(32);
  return `${drawn.slice(0, 8)}-${drawn.slice(8, 12)}-4${drawn.slice(13, 16)}-${variant(drawn.charAt(16))}${drawn.slice(17, 20)}-${drawn.slice(20)}`;
}

/** The client's `X-Request-Id` when it is a plain token of at most 64 characters, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE_REQUEST_ID.test(header) ? header : uuid();
}

/**
 * The `traceparent` to hand on (W3C Trace Context §3.2): the client's trace continued with a span of ours, or a trace
 * of our own when there is none or it is broken. Minted traces are not sampled.
 */
export function traceparentOf(header: string | string[] | undefined): string {
  // Neither id may be zero.
  const span = variant(randomDigits(1)) + randomDigits(15);
  if (typeof header === 'string') {
    const [, version, trace, parent, flags, more] = TRACEPARENT.exec(header) ?? [];
    const known = version !== undefined && version !== 'ff' && (version !== '00' || more === undefined);
    if (known && !/^0+$/.test(trace ?? '0') && !/^0+$/.test(parent ?? '0')) {
      return `00-${trace}-${span}-${flags === '01' || flags === '03' ? '01' : '00'}`;
    }
  }
  return `00-${variant(randomDigits(1))}${randomDigits(31)}-${span}-00`;
}
