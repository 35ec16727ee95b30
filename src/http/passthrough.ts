import { Agent as HttpAgent, STATUS_CODES } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { RequestHandler } from 'http-proxy-middleware';
import type { Metrics } from '../metrics.ts';
import type { Clock, Logger } from '../ports.ts';
import { TRUST_NOBODY, isForwarding } from './forwarded.ts';
import type { TrustPeer } from './forwarded.ts';
import { requestIdOf, traceparentOf } from './trace.ts';
import { splitTarget } from './url.ts';

export interface PassthroughOptions {
  /** Path prefix as clients see it, e.g. `/portal`; it is kept on the way to the target. */
  readonly prefix: string;
  /** Base address of the system, http or https; its path is put before the client's. */
  readonly target: string;
  /** Longest wait for the head of an answer, in milliseconds; also the longest silence within a body. */
  readonly deadlineMs: number;
  /** Peers whose X-Forwarded-For, -Host and -Proto are believed and continued; default: nobody, they are replaced. */
  readonly trusts?: TrustPeer;
  /** Origins beside our own whose pages may open a WebSocket, `*` for all; default: none. */
  readonly origins?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'request'>;
}

/** One path prefix carried, byte for byte, to a system that is no FHIR: its pages, its files, its WebSockets. */
export interface Passthrough {
  readonly prefix: string;
  carries(path: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Closes the connections to the target. */
  close(): void;
}

/** Headers that belong to one hop (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
] as const;
const CONNECTIONS = 64;

/** Takes out what must not travel on, in place. An upgrade keeps `Connection: Upgrade` and `Upgrade`. */
function stripHops(headers: IncomingMessage['headers'], upgrade: boolean): void {
  const named = (headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const protocol = headers.upgrade;
  for (const name of [...HOP_BY_HOP, ...named]) {
    // What frames the body is not up to a Connection header.
    if (name !== '' && name !== 'content-length' && name !== 'transfer-encoding' && name !== 'host')
      delete headers[name];
  }
  if (upgrade && protocol !== undefined) {
    headers.connection = 'Upgrade';
    headers.upgrade = protocol;
  }
}

/** Who really asked, in the words of X-Forwarded-*: the client's own are not believed. */
function setForwarding(req: IncomingMessage, trusted: boolean): void {
  const { headers, socket } = req;
  const before = trusted ? headers['x-forwarded-for'] : undefined;
  const host = (trusted ? headers['x-forwarded-host'] : undefined) ?? headers.host;
  const proto =
    (trusted ? headers['x-forwarded-proto'] : undefined) ?? ('encrypted' in socket ? 'https' : 'http');
  for (const name in headers) if (isForwarding(name)) delete headers[name];
  const peer = socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-for'] = before === undefined ? peer : `${String(before)}, ${peer}`;
  headers['x-forwarded-proto'] = proto;
  if (host !== undefined) headers['x-forwarded-host'] = host;
}

/** A `Location` on the target's own address becomes one on ours; any other is kept. */
export function publicLocation(location: string, target: URL): string {
  const url = URL.parse(location, target.href);
  if (url === null || url.origin !== target.origin || !/^(?:[a-z]+:)?\/\//i.test(location)) return location;
  const basePath = target.pathname.replace(/\/+$/, '');
  const path = url.pathname.startsWith(`${basePath}/`) ? url.pathname.slice(basePath.length) : url.pathname;
  // `//evil.example` would lead a browser to another host.
  return path.replace(/^[/\\]{2,}/, '/') + url.search + url.hash;
}

/**
 * Whether a path leads above itself in anybody's reading of it: escaped, with backslashes, with parameters (`..;a/`).
 */
export function isClimbing(path: string): boolean {
  const read = path.replace(/%2e/gi, '.').replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  return read.split(/[/\\]/).some((segment) => segment === '..' || segment.startsWith('..;'));
}

/**
 * Whether a page that may do so opens a WebSocket: of our own host, or of a listed origin. Programs name none (RFC 6455
 * §10.2).
 */
function isOriginAllowed({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  return host !== undefined && URL.parse(origin)?.host === host;
}

function isResponse(target: ServerResponse | Socket): target is ServerResponse {
  return 'writeHead' in target;
}

/** Answers in the plain text of a gateway, or breaks off what has begun. */
function fail(target: ServerResponse | Socket, status: 400 | 403 | 502 | 504, text: string): void {
  if (!isResponse(target)) {
    if (target.writable) {
      target.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
    } else target.destroy();
  } else if (target.headersSent) target.destroy();
  else {
    target.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    target.end(`${text}\n`);
  }
}

/**
 * Carries a path prefix by http-proxy-middleware: no body parser before it, its own keep-alive agent, nothing of the
 * client's about hops and forwarding, redirects of the target led back to us, and a deadline of our own: 504 when the
 * head of the answer does not come in time, 502 when the target cannot be reached or breaks off.
 */
export function createPassthrough(options: PassthroughOptions): Passthrough {
  const { prefix, deadlineMs, clock, trusts = TRUST_NOBODY, origins = [] } = options;
  const target = new URL(options.target);
  const secure = target.protocol === 'https:';
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, maxSockets: CONNECTIONS })
    : new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS });
  const route = `passthrough:${prefix}`;
  const servedBy = `passthrough:${prefix}`;
  const late = new WeakSet<IncomingMessage>();
  const timers = new WeakMap<IncomingMessage, () => void>();

  function watch(proxyReq: ClientRequest, req: IncomingMessage): void {
    const cancel = clock.after(deadlineMs, () => {
      late.add(req);
      proxyReq.destroy(new Error('Deadline'));
    });
    timers.set(req, cancel);
    proxyReq.on('close', cancel);
    proxyReq.setTimeout(deadlineMs, () => proxyReq.destroy(new Error('Silence')));
  }

  const carrier: RequestHandler = createProxyMiddleware({
    target: options.target,
    changeOrigin: true,
    agent,
    ejectPlugins: true,
    plugins: [
      (proxy) => {
        proxy.on('proxyReq', (proxyReq, req) => watch(proxyReq, req));
        proxy.on('proxyReqWs', (proxyReq, req, socket) => {
          watch(proxyReq, req);
          socket.on('error', () => proxyReq.destroy());
          proxyReq.on('upgrade', (_res, upstream) => {
            timers.get(req)?.();
            upstream.setTimeout(0);
          });
        });
        proxy.on('proxyRes', (proxyRes, req, res) => {
          timers.get(req)?.();
          stripHops(proxyRes.headers, false);
          // What becomes of the client's connection is between the client and us.
          proxyRes.headers.connection = res.shouldKeepAlive ? 'keep-alive' : 'close';
          const { location } = proxyRes.headers;
          if (location !== undefined) proxyRes.headers.location = publicLocation(location, target);
          proxyRes.headers['x-served-by'] = servedBy;
          // A body that breaks off must not look complete.
          proxyRes.on('aborted', () => res.destroy());
        });
        proxy.on('error', (error, req, res) => {
          if (!res || !req) return;
          const timedOut = late.has(req);
          options.log.warn('passthrough failed', { route, state: timedOut ? 'late' : 'broken', error });
          if (timedOut) fail(res, 504, 'The system behind this address did not answer in time');
          else fail(res, 502, 'The system behind this address cannot be reached');
        });
        proxy.on('econnreset', (_error, _req, res) => res.destroy());
      },
    ],
  });

  function prepare(req: IncomingMessage, upgrade: boolean): void {
    stripHops(req.headers, upgrade);
    setForwarding(req, trusts(req.socket.remoteAddress ?? ''));
    req.headers['x-request-id'] = requestIdOf(req.headers['x-request-id']);
    req.headers['traceparent'] = traceparentOf(req.headers['traceparent']);
  }

  return {
    prefix,
    carries: (path) => path === prefix || path.startsWith(`${prefix}/`),
    async handle(req, res) {
      const startedAt = clock.now();
      // http-proxy-middleware watches nothing that waits for "100 Continue": the client is let go on at once.
      if (req.headers.expect !== undefined) {
        delete req.headers.expect;
        res.writeContinue();
      }
      prepare(req, false);
      res.setHeader('x-request-id', String(req.headers['x-request-id']));
      res.on('close', () => {
        const durationMs = clock.now() - startedAt;
        const status = res.writableFinished ? res.statusCode : 499;
        options.metrics.request(route, status, servedBy, durationMs / 1000);
        options.log.info('request', { requestId: String(req.headers['x-request-id']), method: req.method, route, status, durationMs, servedBy }); // prettier-ignore
      });
      if (isClimbing(splitTarget(req.url ?? '').path)) fail(res, 400, 'The path leads out of this address');
      else await carrier(req, res);
    },
    upgrade(req, socket, head) {
      if (isClimbing(splitTarget(req.url ?? '').path)) {
        fail(socket, 400, '');
        return;
      }
      if (!isOriginAllowed(req, origins)) {
        fail(socket, 403, '');
        return;
      }
      prepare(req, true);
      carrier.upgrade(req, socket, head);
    },
    close: () => agent.destroy(),
  };
}

/** Which of the prefixes carries a request, by its path. */
export function carrierOf(carriers: readonly Passthrough[], target: string): Passthrough | undefined {
  const { path } = splitTarget(target);
  return carriers.find((one) => one.carries(path));
}
