import { pipeline } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Pool, buildConnector } from 'undici';
import { FicusError } from '../../src/errors.ts';
import type { Backend, FhirBody, FhirRequest, FhirResponse, RequestContext } from '../../src/ports.ts';
import type { Endpoint } from '../../src/fhir/types.ts';
import {
  headerOf,
  isFhirJson,
  mayBeObject,
  passedHeaders,
  refuseUnusable,
  unexplainedFailure,
} from './answer.ts';
import type { UpstreamHeaders } from './answer.ts';
import { Exchange } from './exchange.ts';
import type { AnswerHead } from './exchange.ts';
import { isBrokenConnection } from './failure.ts';
import { createRelinkStream, createRelinker, createRelinking, relinked } from './relink.ts';
import type { Relinking } from './relink.ts';
import { upstreamRequest } from './request.ts';
import { reclaimShortLivedBuffers } from './short-lived-buffers.ts';

export interface ModernOptions {
  /** Backend name, e.g. `labs`: answers say `X-Served-By: modern:labs`. */
  readonly name: string;
  /** FHIR base address of the service, http or https. */
  readonly url: string;
  /** FHIR base address that clients see; asked at the first answer, when the listener's port is known. */
  readonly publicBase: () => string;
  /** What the service answers. */
  readonly endpoints: readonly Endpoint[];
  /** Connections in the pool; default 64. One request in flight on each. */
  readonly connections?: number;
  /** Longest silence within a body, in milliseconds; default 30,000. */
  readonly stallMs?: number;
  /** Time to connect, in milliseconds; default 3,000. */
  readonly connectMs?: number;
  /** PEM texts; read for each connection. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
  /** Headers of every request, e.g. the credentials of Ficus. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ModernBackend extends Backend {
  readonly name: string;
  readonly kind: 'modern';
  readonly endpoints: readonly Endpoint[];
  /** Lets requests in flight finish, then closes the connections. */
  close(): Promise<void>;
  /** Breaks all connections now. */
  destroy(): Promise<void>;
}

/**
 * A new FHIR service behind Ficus. Answers are streamed and their bytes kept; only the service's own base address in
 * links is replaced by the public one. 4xx and 5xx that the service explains in FHIR pass as they are.
 *
 * Throws (handle): `unavailable`, `timeout`, `outcome-unknown` (a write that may have left), `legacy-exception`,
 * `legacy-malformed`.
 */
export function createModernBackend(options: ModernOptions): ModernBackend {
  reclaimShortLivedBuffers();
  const base = new URL(options.url);
  const basePath = base.pathname.replace(/\/+$/, '');
  const fixed = Object.entries(options.headers ?? {}).flat();
  const pool = new Pool(base.origin, {
    connections: options.connections ?? 64,
    pipelining: 1,
    allowH2: false,
    // The deadline of a request is its context's; this only bounds silence within a body.
    headersTimeout: 0,
    bodyTimeout: options.stallMs ?? 30_000,
    // A connector for each connection, for the certificates may be others by then.
    connect: (target, connected) =>
      buildConnector({ timeout: options.connectMs ?? 3_000, ...options.tls })(target, connected),
  });
  const servedBy = `modern:${options.name}`;
  let relinking: Relinking | undefined;

  async function exchange(request: FhirRequest, context: RequestContext): Promise<[Exchange, AnswerHead]> {
    const write = request.interaction === 'create' || request.interaction === 'update';
    const upstream = upstreamRequest(request, context, basePath, fixed);
    for (let attempt = 1; ; attempt += 1) {
      const running = new Exchange({ service: options.name, write, signal: context.signal });
      if (!context.signal.aborted) pool.dispatch(upstream, running);
      try {
        return [running, await running.head];
      } catch (error) {
        // A kept-alive connection that the service closed at this moment: a query may be sent again, a write never.
        const idleClosed = running.sent && error instanceof FicusError && isBrokenConnection(error.cause);
        if (write || attempt > 1 || !idleClosed || context.signal.aborted) throw error;
      }
    }
  }

  function bodyOf(running: Exchange, head: AnswerHead, json: boolean): FhirBody {
    const announced = Number(headerOf(head.headers, 'content-length') ?? Number.NaN);
    const bytes = Number.isSafeInteger(announced) ? { bytes: announced } : {};
    const discard = (): void => running.discard(bytes.bytes);
    if (!json)
      return {
        kind: 'pipe',
        pipe: (sink) => running.pipe(sink),
        discard,
        whole: () => running.whole(),
        ...bytes,
      };
    relinking ??= createRelinking(options.url.replace(/\/+$/, ''), options.publicBase());
    const links = relinking;
    const decode = decoderOf(head.headers, options.name);
    const pipe = decode
      ? (sink: Writable) => pipeDecoded(running, decode(), links, sink)
      : (sink: Writable) => running.pipe(sink, createRelinker(links));
    const whole = (): Buffer | undefined => {
      const came = decode ? undefined : running.whole();
      return came && relinked(came, links);
    };
    return { kind: 'pipe', pipe, discard, whole, ...bytes };
  }

  async function handle(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    const [running, head] = await exchange(request, context);
    const { status, headers, begins } = head;
    const write = request.interaction === 'create' || request.interaction === 'update';
    // A body without a media type is none: nobody could read it.
    const typed = headerOf(headers, 'content-type') !== undefined;
    const hasBody = typed && status !== 204 && status !== 304 && headerOf(headers, 'content-length') !== '0';
    const encoded = headerOf(headers, 'content-encoding') !== undefined;
    const json = isFhirJson(headers) && (encoded || begins === undefined || mayBeObject(begins));
    try {
      refuseUnusable(status, headers, { service: options.name, write, base, hasBody, json });
      const unexplained = status >= 400 && !(hasBody && json);
      const passed = passedHeaders(headers, base, unexplained || (hasBody && json));
      if (unexplained) {
        const resource = unexplainedFailure(status, headers, options.name);
        running.discard();
        delete passed['content-type'];
        return { status, headers: passed, body: { kind: 'resource', resource }, servedBy };
      }
      if (!hasBody) running.discard();
      const body: FhirBody = hasBody ? bodyOf(running, head, json) : { kind: 'none' };
      return { status, headers: passed, body, servedBy };
    } catch (error) {
      running.discard();
      throw error;
    }
  }

  return {
    name: options.name,
    kind: 'modern',
    endpoints: options.endpoints,
    handle,
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}

/** How to read a body that came encoded although `identity` was asked for. Throws for an encoding we do not know. */
function decoderOf(
  headers: UpstreamHeaders,
  service: string,
): (() => NodeJS.ReadWriteStream & Writable) | undefined {
  const encoding = headerOf(headers, 'content-encoding')?.trim().toLowerCase();
  switch (encoding) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip;
    case 'deflate':
      return createInflate;
    case 'br':
      return createBrotliDecompress;
    default:
      throw new FicusError(
        'legacy-malformed',
        `${service} answered in a content encoding that was not asked for`,
      );
  }
}

async function pipeDecoded(
  running: Exchange,
  decoder: NodeJS.ReadWriteStream & Writable,
  relinking: Relinking,
  sink: Writable,
): Promise<void> {
  await Promise.all([running.pipe(decoder), pipeline(decoder, createRelinkStream(relinking), sink)]);
}
