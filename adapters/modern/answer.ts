import { FicusError } from '../../src/errors.ts';
import type { Resource } from '../../src/fhir/types.ts';

/** Headers as undici gives them: lower-case names. */
export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Headers of an answer that mean something to a FHIR client. Cookies, CORS, server banners and hops stay behind. */
const PASSED = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'etag',
  'last-modified',
  'location',
  'content-location',
  'retry-after',
  'warning',
  'deprecation',
  'sunset',
] as const;

const FHIR_MEDIA: ReadonlySet<string> = new Set(['application/fhir+json', 'application/json', 'application/json+fhir']); // prettier-ignore

export function headerOf(headers: UpstreamHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Whether the body is FHIR JSON by its media type. */
export function isFhirJson(headers: UpstreamHeaders): boolean {
  const type = headerOf(headers, 'content-type');
  if (type === undefined) return false;
  if (FHIR_MEDIA.has(type)) return true;
  const end = type.indexOf(';');
  return FHIR_MEDIA.has((end === -1 ? type : type.slice(0, end)).trim().toLowerCase());
}

/**
 * Whether a body that begins so may be a JSON object: whatever else it is called, it is none otherwise.
 *
 * @param begins a character for each byte
 */
export function mayBeObject(begins: string): boolean {
  const text = begins.replace(/^\u00ef\u00bb\u00bf/, '').trimStart();
  return text === '' || text.startsWith('{');
}

/**
 * A `Location` as Ficus writes it: relative to the FHIR base (`Observation/1/_history/1`) when it points into the
 * service; undefined when it points elsewhere (an address that clients need not know).
 */
export function relativeLocation(location: string, base: URL): string | undefined {
  const basePath = base.pathname.replace(/\/+$/, '');
  const url = URL.parse(location, `${base.origin}${basePath}/`);
  if (url === null || url.origin !== base.origin || !url.pathname.startsWith(`${basePath}/`))
    return undefined;
  return url.pathname.slice(basePath.length + 1) + url.search;
}

/** Headers that go on to the client. The length is left out where the bytes will change. */
export function passedHeaders(headers: UpstreamHeaders, base: URL, changed: boolean): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED) {
    const value = headerOf(headers, name);
    if (value === undefined) continue;
    if (changed && (name === 'content-length' || name === 'content-encoding')) continue;
    if (name === 'location' || name === 'content-location') {
      const relative = relativeLocation(value, base);
      if (relative !== undefined) passed[name] = relative;
      continue;
    }
    passed[name] = value;
  }
  return passed;
}

/** FHIR issue type of a status whose answer did not say it in FHIR. */
const ISSUE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid',
  403: 'forbidden',
  404: 'not-found',
  405: 'not-supported',
  406: 'not-supported',
  409: 'conflict',
  410: 'deleted',
  412: 'conflict',
  413: 'too-long',
  415: 'not-supported',
  422: 'processing',
  423: 'lock-error',
  429: 'throttled',
};

/**
 * The answer to a failure that the service did not explain in FHIR: its status, with an OperationOutcome of ours.
 * Throws where the failure is between Ficus and the service: 5xx, and 401 or 407, which are about our credentials.
 */
export function unexplainedFailure(status: number, headers: UpstreamHeaders, service: string): Resource {
  const said = headerOf(headers, 'retry-after');
  const retryAfter = Number(said);
  if (status === 503) {
    throw new FicusError('unavailable', `${service} is not available`, {
      retryAfter: Number.isInteger(retryAfter) && retryAfter > 0 ? retryAfter : 5,
      // What the service itself asked for, to be told from what is only advice to clients.
      ...(said === undefined ? {} : { headers: { 'retry-after': said } }),
    });
  }
  if (status >= 500 || status === 401 || status === 407) {
    throw new FicusError(
      'legacy-exception',
      `${service} failed with HTTP status ${status} and gave no reason in FHIR`,
    );
  }
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: ISSUE_OF_STATUS[status] ?? 'processing',
        diagnostics: `${service} refused the request with HTTP status ${status} and gave no reason in FHIR`,
      },
    ],
  };
}

/**
 * Throws for an answer that cannot be passed on as it is: a redirect out of the service (redirects are not followed),
 * a success whose body is not FHIR.
 *
 * @param facts `hasBody`: whether the answer announces a body; `json`: whether that is FHIR JSON
 */
export function refuseUnusable(
  status: number,
  headers: UpstreamHeaders,
  facts: {
    readonly service: string;
    readonly write: boolean;
    readonly base: URL;
    readonly hasBody: boolean;
    readonly json: boolean;
  },
): void {
  if (status >= 300 && status < 400 && status !== 304) {
    const location = headerOf(headers, 'location');
    if (location !== undefined && relativeLocation(location, facts.base) !== undefined) return;
    throw new FicusError(
      'legacy-exception',
      `${facts.service} redirected the request; redirects are not followed`,
    );
  }
  if (status >= 300 || status === 204) return;
  if (facts.json || (!facts.hasBody && facts.write)) return;
  // The status of a write says that it was carried out: what came with it does not take that back.
  const code = facts.write ? 'outcome-unknown' : 'legacy-malformed';
  throw new FicusError(
    code,
    `${facts.service} answered with HTTP status ${status} and a body that is not FHIR JSON`,
  );
}
