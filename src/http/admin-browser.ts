import { isIP } from 'node:net';
import type { IncomingMessage, RequestListener } from 'node:http';
import helmet from 'helmet';
import { FicusError } from '../errors.ts';

/** Half a year, in seconds. */
const HSTS_SECONDS = 15_768_000;

/**
 * Headers for answers that are data and never a page: nothing in them is run, shown in a frame, read by another origin,
 * or kept.
 *
 * @param tls whether this port speaks HTTPS: only then browsers are told to stay with it
 */
export function createHeaders(tls: boolean): (...request: Parameters<RequestListener>) => void {
  const none = ["'none'"];
  const set = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: none, baseUri: none, formAction: none, frameAncestors: none },
    },
    crossOriginEmbedderPolicy: true,
    strictTransportSecurity: tls && { maxAge: HSTS_SECONDS, includeSubDomains: false },
    xFrameOptions: { action: 'deny' },
  });
  return (req, res) => {
    res.setHeader('cache-control', 'no-store');
    set(req, res, () => {});
  };
}

/**
 * Refuses a name that is not ours. A page whose own name is made to point to this address (DNS rebinding) asks by that
 * name; an address is nobody's to point elsewhere.
 *
 * @param names in lower case, beside `localhost`
 * @throws FicusError `misdirected`
 */
export function refuseStrangeName(
  { headers }: Pick<IncomingMessage, 'headers'>,
  names: readonly string[],
): void {
  const { host = '' } = headers;
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase());
  const called = (name?.[1] ?? name?.[2] ?? '').replace(/\.$/, '');
  if (isIP(called) !== 0 || called === 'localhost' || names.includes(called)) return;
  throw new FicusError(
    'misdirected',
    'The admin API is not called by this name; those that it has are in `admin.hosts` of the configuration.',
    { expression: ['Host'] },
  );
}

/**
 * Refuses what a page in a browser asks (Fetch standard: `Origin`; Fetch Metadata: `Sec-Fetch-Site`). Only a link that
 * somebody follows may lead to what is shown: no page sees what comes back.
 *
 * @throws FicusError `forbidden`
 */
export function refusePages({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>): void {
  const site = headers['sec-fetch-site'] ?? 'none';
  const elsewhere = site !== 'none' && site !== 'same-origin';
  const followed = method === 'GET' && headers['sec-fetch-mode'] === 'navigate';
  if (headers.origin === undefined && (!elsewhere || followed)) return;
  throw new FicusError('forbidden', 'The admin API cannot be used from a web page');
}
