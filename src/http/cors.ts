import type { IncomingMessage } from 'node:http';

/** Browsers that may call the API from pages of other origins. */
export interface CorsOptions {
  /** Exact origins, e.g. `https://app.example`; `*` is any. */
  readonly origins: readonly string[];
  /** How long a browser may remember a preflight, in seconds. */
  readonly maxAgeSeconds: number;
}

const EXPOSED =
  'ETag, Last-Modified, Location, Content-Location, Deprecation, Link, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, Retry-After, Sunset, WWW-Authenticate, X-Left-Out, X-Request-Id, X-Served-By, Server-Timing';
const REQUEST_HEADERS =
  'Accept, Authorization, Break-Glass-Reason, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, Purpose-Of-Use, X-Request-Id, traceparent';

/**
 * Headers for a cross-origin request of an origin that is allowed; empty for all others (Fetch standard, CORS
 * protocol).
 */
export function corsHeaders(
  cors: CorsOptions | undefined,
  req: IncomingMessage,
): Readonly<Record<string, string>> {
  const { origin } = req.headers;
  if (!cors || origin === undefined) return {};
  const any = cors.origins.includes('*');
  if (!any && !cors.origins.includes(origin)) return {};
  const allowOrigin = { 'access-control-allow-origin': any ? '*' : origin };
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) {
    return { ...allowOrigin, 'access-control-expose-headers': EXPOSED };
  }
  return {
    ...allowOrigin,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT',
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': String(cors.maxAgeSeconds),
  };
}
