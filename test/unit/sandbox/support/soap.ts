import { createHash, randomBytes } from 'node:crypto';

export const NAMESPACE = 'http://hospix.example/clinical/2009/11';
const ENVELOPES = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
} as const;
const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const TOKEN = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0';

export interface SoapAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface CallOptions {
  readonly version?: '1.1' | '1.2';
  readonly header?: string;
  readonly action?: string;
  readonly contentType?: string;
  /** Waits for the answer at most so long, milliseconds. */
  readonly timeoutMs?: number;
}

/** Posts an envelope written by hand. */
export async function call(url: string, body: string, options: CallOptions = {}): Promise<SoapAnswer> {
  const { version = '1.1', header = '', action } = options;
  const type =
    options.contentType ?? (version === '1.1' ? 'text/xml; charset=utf-8' : 'application/soap+xml');
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type, ...(action === undefined ? {} : { soapaction: action }) },
    body: `<e:Envelope xmlns:e="${ENVELOPES[version]}"><e:Header>${header}</e:Header><e:Body>${body}</e:Body></e:Envelope>`,
    ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

/** A request element of the service. */
export function request(operation: string, content: string): string {
  return `<${operation} xmlns="${NAMESPACE}">${content}</${operation}>`;
}

export function patientKey(mrn: string, authority = 'HOSP'): string {
  return `<Patient><MRN>${mrn}</MRN><AssigningAuthority>${authority}</AssigningAuthority></Patient>`;
}

/** The contents of all elements of this name, unparsed. */
export function all(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<${name}(?: [^>]*)?>(.*?)</${name}>`, 'gs'))].map(
    (match) => match[1] ?? '',
  );
}

export interface TokenOptions {
  readonly password?: string;
  readonly type?: 'PasswordDigest' | 'PasswordText';
  readonly created?: string;
  readonly nonce?: string;
  readonly expires?: string;
}

/** A WS-Security header, by the book, for user `ficus`. */
export function security(options: TokenOptions = {}): string {
  const { password = 'secret', type = 'PasswordDigest', created = new Date().toISOString() } = options;
  const nonce = options.nonce ?? randomBytes(16).toString('base64');
  const digest = createHash('sha1')
    .update(Buffer.from(nonce, 'base64'))
    .update(created + password)
    .digest('base64');
  const value = type === 'PasswordDigest' ? digest : password;
  const timestamp =
    options.expires === undefined
      ? ''
      : `<u:Timestamp><u:Created>${created}</u:Created><u:Expires>${options.expires}</u:Expires></u:Timestamp>`;
  return (
    `<w:Security xmlns:w="${WSSE}" xmlns:u="${WSU}" e:mustUnderstand="1">${timestamp}<w:UsernameToken>` +
    `<w:Username>ficus</w:Username><w:Password Type="${TOKEN}#${type}">${value}</w:Password>` +
    `<w:Nonce>${nonce}</w:Nonce><u:Created>${created}</u:Created></w:UsernameToken></w:Security>`
  );
}
