import { randomUUID } from 'node:crypto';

const SANE_REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The client's `X-Request-Id` when it is a plain token of at most 64 characters, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE_REQUEST_ID.test(header) ? header : randomUUID();
}

/**
 * The `traceparent` to hand on (W3C Trace Context §3.2): the client's trace continued with a span of ours, or a trace
 * of our own when there is none or it is broken. Minted traces are not sampled.
 */
export function traceparentOf(header: string | string[] | undefined): string {
  const fresh = randomUUID();
  // The random half of a version 4 UUID; its variant bits keep it from being zero.
  const span = fresh.slice(19, 23) + fresh.slice(24);
  if (typeof header === 'string') {
    const [, version, trace, parent, flags, more] = TRACEPARENT.exec(header) ?? [];
    const known = version !== undefined && version !== 'ff' && (version !== '00' || more === undefined);
    if (known && !/^0+$/.test(trace ?? '0') && !/^0+$/.test(parent ?? '0')) {
      return `00-${trace}-${span}-${flags === '01' || flags === '03' ? '01' : '00'}`;
    }
  }
  const trace = randomUUID();
  return `00-${trace.slice(0, 8)}${trace.slice(9, 13)}${trace.slice(14, 18)}${trace.slice(19, 23)}${trace.slice(24)}-${span}-00`;
}
