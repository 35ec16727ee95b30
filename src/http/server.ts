import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls';
import type { Clock, Logger } from '../ports.ts';
import { watchConnections } from './connections.ts';
import { TRUST_NOBODY } from './forwarded.ts';
import type { TrustPeer } from './forwarded.ts';
import { carrierOf } from './passthrough.ts';
import type { Passthrough } from './passthrough.ts';
import { refuseForm, refuseOnSocket, refuseUnparsed } from './refuse-form.ts';
import type { RefuseOptions } from './refuse-form.ts';
import { takeForm } from './request-form.ts';

/** What strangers can take of a server before anybody knows who they are. Each has a default. */
export interface ServerLimits {
  /** Longest time to receive one request whole, in milliseconds; 120,000. */
  readonly requestMs?: number;
  /** Longest time to receive its headers, and to say anything on a new connection, in milliseconds; 10,000. */
  readonly headersMs?: number;
  /** How long a connection is kept for the next request, in milliseconds; 65,000. */
  readonly idleMs?: number;
  /** Longest that a peer may take nothing of what waits for it, in milliseconds; 60,000. */
  readonly stalledMs?: number;
  /** All headers of a request and its target, in bytes; 16,384. */
  readonly headerBytes?: number;
  /** Longest request target, in bytes; 8,192. */
  readonly urlBytes?: number;
  /** Headers of a request; 100. */
  readonly headers?: number;
  /** Connections at once; 10,000. */
  readonly connections?: number;
  /** Connections of one address at once; 1,000. */
  readonly connectionsPerAddress?: number;
}

export interface ServerOptions extends ServerLimits {
  readonly app: RequestListener;
  readonly passthrough?: readonly Passthrough[];
  /** Certificate and key, and what is asked of clients; absent: HTTP without TLS. */
  readonly tls?: ServerTls;
  /** Proxies in front: their connections are not counted by address. */
  readonly trusts?: TrustPeer;
  readonly clock: Clock;
  /** Told of each request that is refused for its form. */
  readonly log?: Logger;
}

export interface ServerTls {
  readonly context: SecureContextOptions;
  /** Whether a client shows a certificate that `ca` vouches for; absent: it is not asked. */
  readonly clients?: 'required' | 'optional';
}

/** An HTTP server that is listening. */
export interface HttpServer {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Takes another certificate: for connections from now on; those that are there end with their next answer. */
  renew(context: SecureContextOptions): void;
  /** Accepts nothing more, waits for requests in flight at most `drainMs`, then breaks what is left. */
  close(drainMs: number): Promise<void>;
}

/** Idle keep-alive connections are looked for this often while draining. */
const SWEEP_MS = 50;
/** Requests of one connection under way at once: more than any client pipelines. */
const PIPELINED = 100;
const HANDSHAKE_MS = 10_000;
const TOO_MANY_AT_ONCE = { status: 429, issue: 'throttled', text: 'Too many requests at once on one connection' }; // prettier-ignore
const NO_EXPECTATION = { status: 417, issue: 'not-supported', text: 'The only expectation met here is 100-continue' }; // prettier-ignore
/** A year (RFC 6797 §6.1.1). */
const HSTS = 'max-age=31536000';

/** Hands an upgrade to the prefix that carries it. */
function upgradeTo(carriers: readonly Passthrough[], open: Set<Duplex>, refusing: RefuseOptions) {
  return (req: IncomingMessage, socket: Socket, head: Buffer): void => {
    const carrier = carrierOf(carriers, req.url ?? '/');
    if (!carrier) {
      const fault = { status: 404, issue: 'not-found', text: 'There is no WebSocket here' };
      refuseOnSocket(socket, fault, refusing, req.headers['x-request-id']);
      return;
    }
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    carrier.upgrade(req, socket, head);
  };
}

/**
 * WebSockets are carried or refused; an offer of another protocol, `h2c` say, is one that is not taken (RFC 9110 §7.8).
 */
function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

function closeSoon(socket: Duplex): void {
  if (socket instanceof Socket) socket.destroySoon();
  else socket.destroy();
}

function drain(server: Server, upgraded: Set<Duplex>, clock: Clock, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    let cancelSweep = (): void => {};
    const sweep = (): void => {
      server.closeIdleConnections();
      cancelSweep = clock.after(SWEEP_MS, sweep);
    };
    const cancelLimit = clock.after(drainMs, () => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    });
    server.close(() => {
      cancelSweep();
      cancelLimit();
      resolve();
    });
    sweep();
  });
}

/** Cipher suites of TLS 1.2 with forward secrecy and AEAD; those of TLS 1.3 are all (RFC 9325 §4.2). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

function tlsOptions({ context, clients }: ServerTls): TlsOptions {
  return {
    ...context,
    ciphers: CIPHERS,
    handshakeTimeout: HANDSHAKE_MS,
    requestCert: clients !== undefined,
    rejectUnauthorized: clients === 'required',
  };
}

/** Listens. Rejects when the address cannot be had. */
export async function startHttpServer(
  options: ServerOptions,
  listen: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const { app, clock, log, tls, passthrough = [], trusts = TRUST_NOBODY } = options;
  const refusing: RefuseOptions = log ? { clock, log } : { clock };
  const form = { urlBytes: options.urlBytes ?? 8_192, headers: options.headers ?? 100 };
  const timing = {
    requestTimeout: options.requestMs ?? 120_000,
    headersTimeout: options.headersMs ?? 10_000,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: options.idleMs ?? 65_000,
    maxHeaderSize: options.headerBytes ?? 16_384,
    noDelay: true,
    // Told in FHIR below; the shipped answer is not.
    requireHostHeader: false,
    shouldUpgradeCallback: isUpgrade,
  };
  /** Connections made before the last renewal end with their next answer. */
  let renewed = new WeakSet<Duplex>();
  const answering = new WeakMap<Duplex, ServerResponse>();
  const listener: RequestListener = (req, res) => {
    const { socket } = req;
    if (tls) {
      res.setHeader('strict-transport-security', HSTS);
      if (renewed.has(socket)) res.setHeader('connection', 'close');
    }
    answering.set(socket, res);
    const fault = takeForm(req, form);
    if (fault) {
      refuseForm(res, fault, log);
      return;
    }
    if (!connections.begin(socket)) {
      refuseForm(res, TOO_MANY_AT_ONCE, log);
      return;
    }
    res.on('close', () => connections.end(socket));
    app(req, res);
  };
  const server: Server = tls
    ? createSecureServer({ ...timing, ...tlsOptions(tls) }, listener)
    : createServer(timing, listener);
  // node:http drops what is over this and says nothing: it is counted in takeForm.
  server.maxHeadersCount = 0;
  server.maxConnections = options.connections ?? 10_000;
  const limits = {
    perAddress: options.connectionsPerAddress ?? 1_000,
    pipelined: PIPELINED,
    stalledMs: options.stalledMs ?? 60_000,
  };
  const connections = watchConnections(server, tls !== undefined, limits, clock, trusts);
  const upgraded = new Set<Duplex>();
  const carry = upgradeTo(passthrough, upgraded, refusing);
  const current = new Set<Duplex>();
  // Whoever reads the body lets the client go on; a refusal before that spares it the sending.
  server.on('checkContinue', listener);
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) =>
    refuseForm(res, NO_EXPECTATION, log),
  );
  server.on('clientError', (error: Error, socket: Duplex) => {
    const res = answering.get(socket);
    // Nothing is put behind an answer that has begun, or that was the last.
    if (res?.headersSent && !(res.writableFinished && res.shouldKeepAlive)) closeSoon(socket);
    // The id of a request that has been answered is not that of what comes after it.
    else refuseUnparsed(error, socket, refusing, res?.headersSent ? undefined : res?.req.headers['x-request-id']); // prettier-ignore
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const fault = takeForm(req, form);
    if (fault || !(socket instanceof Socket)) {
      const what = fault ?? { status: 400, issue: 'structure', text: 'No connection' };
      refuseOnSocket(socket, what, refusing, req.headers['x-request-id']);
    } else carry(req, socket, head);
  });
  if (tls) {
    server.on('secureConnection', (socket: TLSSocket) => {
      // Optional is whether one is shown, not whether it is true.
      if (
        tls.clients === 'optional' &&
        !socket.authorized &&
        Object.keys(socket.getPeerCertificate()).length > 0
      )
        socket.destroy();
      current.add(socket);
      socket.on('close', () => current.delete(socket));
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  return {
    scheme: tls ? 'https' : 'http',
    host: listen.host,
    port,
    renew(context) {
      if (!('setSecureContext' in server)) return;
      (server as unknown as { setSecureContext(options: TlsOptions): void }).setSecureContext({
        ...context,
        ciphers: CIPHERS,
      });
      renewed = new WeakSet(current);
      server.closeIdleConnections();
    },
    close: (drainMs) => {
      connections.stop();
      return drain(server, upgraded, clock, drainMs);
    },
  };
}
