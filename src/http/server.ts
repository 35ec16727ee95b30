import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import type { Clock } from '../ports.ts';
import { carrierOf } from './passthrough.ts';
import type { Passthrough } from './passthrough.ts';

export interface ServerOptions {
  readonly app: RequestListener;
  readonly passthrough?: readonly Passthrough[];
  readonly clock: Clock;
  /** Longest time to receive one request whole, in milliseconds; default 120,000. */
  readonly requestMs?: number;
  /** Longest time to receive its headers, in milliseconds; default 10,000. */
  readonly headersMs?: number;
}

/** An HTTP server that is listening. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Accepts nothing more, waits for requests in flight at most `drainMs`, then breaks what is left. */
  close(drainMs: number): Promise<void>;
}

/** Idle keep-alive connections are looked for this often while draining. */
const SWEEP_MS = 50;

const REFUSALS: Readonly<
  Record<string, { readonly status: string; readonly issue: string; readonly text: string }>
> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    issue: 'too-long',
    text: 'The headers are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    issue: 'timeout',
    text: 'The request did not come in time',
  },
};
const MALFORMED = { status: '400 Bad Request', issue: 'structure', text: 'The request is not HTTP/1.1' };

/** Answers what node:http refuses before there is a request, in FHIR like every other failure. */
function refuse(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, issue, text } = REFUSALS[error.code ?? ''] ?? MALFORMED;
  const outcome = JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: issue, diagnostics: text }],
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/fhir+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(outcome)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${outcome}`,
  );
}

/** Hands an upgrade to the prefix that carries it; any other is refused. */
function upgradeTo(carriers: readonly Passthrough[], open: Set<Duplex>) {
  return (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const carrier = carrierOf(carriers, req.url ?? '/');
    if (!carrier || !(socket instanceof Socket)) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    carrier.upgrade(req, socket, head);
  };
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

/** Listens. Rejects when the address cannot be had. */
export async function startHttpServer(
  options: ServerOptions,
  listen: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const { app, clock } = options;
  const server = createServer(
    {
      requestTimeout: options.requestMs ?? 120_000,
      headersTimeout: options.headersMs ?? 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
      noDelay: true,
    },
    app,
  );
  const upgraded = new Set<Duplex>();
  // Whoever reads the body lets the client go on; a refusal before that spares it the sending.
  server.on('checkContinue', app);
  server.on('clientError', refuse);
  server.on('upgrade', upgradeTo(options.passthrough ?? [], upgraded));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  return { host: listen.host, port, close: (drainMs) => drain(server, upgraded, clock, drainMs) };
}
