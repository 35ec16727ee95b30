import type { IncomingMessage } from 'node:http';

/** Why a request is refused before anybody reads what it asks for. */
export interface FormFault {
  readonly status: number;
  /** FHIR R4 valueset-issue-type. */
  readonly issue: string;
  readonly text: string;
}

export interface FormLimits {
  /** Longest request target, in bytes. */
  readonly urlBytes: number;
  readonly headers: number;
}

const HOST = /^[A-Za-z0-9._~-]*(?::\d{0,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{0,5})?$/;
const ABSOLUTE = /^https?:\/\/([^/?#@]*)(.*)$/i;

/**
 * What the parser of node:http lets through although two readers could take it for two different requests (RFC 9112
 * §3.2, §6.1, §11.2), or although it is too much. The absolute form of a target becomes the origin form, in place, and
 * its host the one that counts (RFC 9112 §3.2.2).
 */
export function takeForm(req: IncomingMessage, limits: FormLimits): FormFault | undefined {
  const { rawHeaders, httpVersion } = req;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return malformed('The request is not HTTP/1.1');
  if ((req.url ?? '').length > limits.urlBytes)
    return { status: 414, issue: 'too-long', text: 'The address is too long' };
  if (rawHeaders.length > limits.headers * 2)
    return { status: 431, issue: 'too-long', text: 'There are too many headers' };
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined) return malformed(`The header ${repeated} is there twice`);
  const host = req.headers.host;
  if (host === undefined ? httpVersion === '1.1' : !HOST.test(host))
    return malformed('The request needs one Host header');
  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined) {
    if (httpVersion === '1.0') return malformed('HTTP/1.0 knows no Transfer-Encoding');
    if (coding.toLowerCase() !== 'chunked')
      return { status: 501, issue: 'not-supported', text: 'The only transfer coding here is chunked' };
  }
  return takeTarget(req);
}

function takeTarget(req: IncomingMessage): FormFault | undefined {
  const target = req.url ?? '';
  if (target.startsWith('/') || (target === '*' && req.method === 'OPTIONS')) return undefined;
  const [, host = '', rest = ''] = ABSOLUTE.exec(target) ?? [];
  if (host === '' || !HOST.test(host)) return malformed('The request target is a path');
  req.headers.host = host;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
  return undefined;
}

/** Lengths of the names of {@link ONCE}: nothing else is looked at closer. */
const ONCE_LENGTHS: ReadonlySet<number> = new Set([4, 12, 13, 17]);
/** Of these node:http takes the first, or joins them, and says nothing. */
const ONCE: ReadonlySet<string> = new Set([
  'host',
  'content-type',
  'authorization',
  'if-none-exist',
  'transfer-encoding',
]);

function repeatedHeader(raw: readonly string[]): string | undefined {
  let seen = '';
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    if (!ONCE_LENGTHS.has(name.length)) continue;
    const lower = name.toLowerCase();
    if (!ONCE.has(lower)) continue;
    if (seen.includes(` ${lower} `)) return lower;
    seen += ` ${lower} `;
  }
  return undefined;
}

function malformed(text: string): FormFault {
  return { status: 400, issue: 'structure', text };
}
