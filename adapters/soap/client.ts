import type { Signal } from '../../src/cancellation.ts';
import { randomUUID } from 'node:crypto';
import { Pool, buildConnector } from 'undici';
import { FicusError } from '../../src/errors.ts';
import type { Clock } from '../../src/ports.ts';
import { ExchangeFailure, headerOf, postOnce } from './http-exchange.ts';
import type { HttpResponse } from './http-exchange.ts';
import { mustBeUnderstood, readEnvelope, writeEnvelope } from './soap-envelope.ts';
import type { SoapEnvelope } from './soap-envelope.ts';
import { exchangeError, garbage, statusError } from './soap-failures.ts';
import type { CallKind } from './soap-failures.ts';
import type { SoapFault } from './soap-fault.ts';
import { dialectOf, requestHeaders } from './soap-version.ts';
import type { SoapVersion } from './soap-version.ts';
import { addressingHeaders, answersAnother, WSA_NS } from './ws-addressing.ts';
import { acceptsSecurity, securityHeader, WSSE_NS, WSU_NS } from './ws-security.ts';
import type { UsernameTokenOptions } from './ws-security.ts';
import type { XmlElement } from './xml-element.ts';
import type { XmlLimits } from './xml-options.ts';

export interface SoapClientOptions {
  /** Address of the service's port: `http://core.example:8091/ClinicalService`. */
  readonly url: string;
  /** As the WSDL binds the port. */
  readonly version: SoapVersion;
  readonly clock: Clock;
  /** Connections at most; default 8. Calls beyond wait in order. */
  readonly connections?: number;
  /** Milliseconds a connection may take to be made; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds an idle connection is kept; default 4,000, or what the service says. */
  readonly keepAliveMs?: number;
  /** WS-Security UsernameToken. */
  readonly security?: UsernameTokenOptions;
  /** Whether to send WS-Addressing headers: the message id is then seen by the service too. Default false. */
  readonly addressing?: boolean;
  /**
   * PEM texts: authorities to trust, own certificate and key; read for each connection. Certificates are always
   * checked.
   */
  readonly tls?: {
    readonly ca?: string | readonly string[];
    readonly cert?: string;
    readonly key?: string;
    readonly passphrase?: string;
    readonly servername?: string;
  };
  /** HTTP headers for every call, e.g. `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Charset of answers where the service labels them wrongly. */
  readonly charset?: string;
  readonly limits?: XmlLimits;
  /** Prefix by namespace for requests; see XmlWriteOptions. */
  readonly prefixes?: ReadonlyMap<string, string>;
}

export interface SoapCall {
  /** soapAction of the operation, by the WSDL. */
  readonly action: string;
  /** The one child of Body. */
  readonly body: XmlElement;
  /** Header blocks besides WS-Security and WS-Addressing. */
  readonly headers?: readonly XmlElement[];
  /** Whether it may change anything. */
  readonly kind: CallKind;
  readonly signal: Signal;
  /** Epoch milliseconds. */
  readonly deadline: number;
  /** For the log and, with addressing, the service; default a new `urn:uuid:`. */
  readonly messageId?: string;
}

/** What the service said. A Fault is an answer too: what it means is for mappings/errors.yaml. */
export type SoapReply =
  | {
      readonly kind: 'answer';
      readonly messageId: string;
      readonly body: XmlElement;
      readonly headers: readonly XmlElement[];
    }
  | {
      readonly kind: 'fault';
      readonly messageId: string;
      readonly status: number;
      readonly fault: SoapFault;
    };

export interface SoapClient {
  /**
   * One request and its answer. Sent once: nothing is ever sent again from here.
   *
   * @throws FicusError `unavailable`: no connection, or HTTP 503. `timeout`: no answer to a query by the deadline, or a
   *   write that never left. `outcome-unknown`: a write that may have left has no answer. `legacy-malformed`: an answer
   *   that is no SOAP, too large, to another message or with a header we must understand and do not.
   *   `legacy-exception`: an HTTP error without a Fault. `value-invalid`: a value XML cannot carry.
   */
  call(call: SoapCall): Promise<SoapReply>;
  /** Waits for what is under way; then no connection is left. */
  close(): Promise<void>;
}

/** A client for one SOAP port over a pool of kept connections. */
export function createSoapClient(options: SoapClientOptions): SoapClient {
  const { clock, version } = options;
  const url = new URL(options.url);
  const path = `${url.pathname}${url.search}`;
  const limits = { ...options.limits, charset: options.charset };
  const maxResponseBytes = options.limits?.maxBytes ?? 10 * 1024 * 1024;
  const prefixes = prefixesOf(options);
  const pool = createPool(url, options);
  let closing: Promise<void> | undefined;

  const headersOf = (call: SoapCall, messageId: string): XmlElement[] => [
    ...(options.addressing === true ? addressingHeaders(options.url, call.action, messageId) : []),
    ...(options.security === undefined ? [] : [securityHeader(version, options.security, clock)]),
    ...(call.headers ?? []),
  ];

  const read = (response: HttpResponse): SoapEnvelope => {
    const contentType = headerOf(response.headers, 'content-type') ?? '';
    if (!isXml(contentType))
      throw new FicusError('legacy-malformed', 'The answer of the legacy service is not XML.');
    if ((headerOf(response.headers, 'content-encoding') ?? 'identity') !== 'identity') {
      throw new FicusError(
        'legacy-malformed',
        'The answer of the legacy service has an encoding that was not asked for.',
      );
    }
    return readEnvelope(response.body, { ...limits, httpCharset: charsetOf(contentType) });
  };

  /** Refuses an answer that is not ours or that demands what we do not do. */
  const accept = ({ headers, dialect }: SoapEnvelope, messageId: string): void => {
    if (dialect.version !== version) {
      throw new FicusError('legacy-malformed', 'The legacy service answers in another version of SOAP.');
    }
    if (options.addressing === true && answersAnother(headers, messageId)) {
      throw new FicusError(
        'legacy-malformed',
        'The legacy service answers another message than the one sent.',
      );
    }
    const isUnderstood = (block: XmlElement): boolean =>
      block.ns === WSA_NS ||
      (block.ns === WSSE_NS && block.local === 'Security' && acceptsSecurity(block, clock));
    if (headers.some((block) => mustBeUnderstood(block, dialect) && !isUnderstood(block))) {
      throw new FicusError('legacy-malformed', 'The answer has a header that must be understood and is not.');
    }
  };

  return {
    async call(call) {
      const messageId = call.messageId ?? `urn:uuid:${randomUUID()}`;
      const body = writeEnvelope(version, headersOf(call, messageId), call.body, prefixes);
      const headers = {
        ...options.headers,
        ...requestHeaders(version, call.action),
        'accept-encoding': 'identity',
      };
      const { kind, signal, deadline } = call;
      const request = { path, headers, body, signal, deadline, maxResponseBytes };
      const response = await postOnce(pool, request, clock).catch((error: unknown) => {
        throw error instanceof ExchangeFailure ? exchangeError(error, kind) : error;
      });

      const isSuccess = response.status >= 200 && response.status < 300;
      try {
        const envelope = read(response);
        if (envelope.content.kind === 'fault') {
          return { kind: 'fault', messageId, status: response.status, fault: envelope.content.fault };
        }
        if (!isSuccess) throw statusError(response, kind);
        accept(envelope, messageId);
        return { kind: 'answer', messageId, body: envelope.content.body, headers: envelope.headers };
      } catch (error) {
        if (!(error instanceof FicusError) || error.code !== 'legacy-malformed') throw error;
        throw isSuccess ? garbage(error.message, kind, error) : statusError(response, kind, error);
      }
    },
    close() {
      closing ??= pool.close();
      return closing;
    },
  };
}

function createPool(url: URL, options: SoapClientOptions): Pool {
  const { tls, connectTimeoutMs: timeout = 5_000 } = options;
  return new Pool(url.origin, {
    connections: options.connections ?? 8,
    pipelining: 1,
    allowH2: false,
    // The deadline of each call is what counts.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: options.keepAliveMs ?? 4_000,
    // A connector for each connection, for the certificates may be others by then.
    connect: (target, connected) => {
      const { ca, ...others } = tls ?? {};
      const authorities = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
      buildConnector({ timeout, ...others, ...authorities })(target, connected);
    },
  });
}

function prefixesOf(options: SoapClientOptions): ReadonlyMap<string, string> {
  const prefixes = new Map(options.prefixes ?? []);
  if (options.security !== undefined) prefixes.set(WSSE_NS, 'wsse').set(WSU_NS, 'wsu');
  if (options.addressing === true) prefixes.set(WSA_NS, 'wsa');
  // The envelope's own, which nobody may bind to something else.
  prefixes.delete(dialectOf(options.version).ns);
  return prefixes;
}

/** RFC 7303: `text/xml`, `application/xml`, anything `+xml`; a service that says nothing is believed. */
function isXml(contentType: string): boolean {
  return contentType === '' || /^\s*(?:(?:text|application)\/xml|[^\s;]+\+xml)\s*(?:;|$)/i.test(contentType);
}

function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*"?([A-Za-z][\w.:-]*)/i.exec(contentType)?.[1];
}
