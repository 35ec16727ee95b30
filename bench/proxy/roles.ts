import { existsSync, readdirSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { OutgoingHttpHeaders, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import express from 'express';
import { createProxyMiddleware, fixRequestBody } from 'http-proxy-middleware';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { keepObjectsYoung } from '../../src/cli/allocation.ts';
import { systemClock } from '../../src/clock.ts';
import { createFhirApp } from '../../src/http/app.ts';
import { startHttpServer } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { bundleOf, patientOf } from './bodies.ts';
import type { Usage } from './processes.ts';

// The processes of the bench, one role each: node roles.ts ROLE UPSTREAM_PORT. Each says its port to its parent, and its
// CPU time and memory when asked.

/** A modern service: a Patient of 2 kB, a Bundle of 200 kB full of links, and a create that reads its body. */
function upstream(): void {
  const bodies = new Map<string, Buffer>();
  const server = createServer((req, res) => {
    if (req.method === 'POST') {
      req
        .resume()
        .on('end', () => res.writeHead(201, { 'content-length': 0, location: '/fhir/Observation/1' }).end());
      return;
    }
    const body = bodies.get(req.url ?? '') ?? Buffer.alloc(0);
    res
      .writeHead(200, {
        'content-type': 'application/fhir+json',
        etag: 'W/"1"',
        'content-length': body.length,
      })
      .end(body);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    bodies.set('/fhir/Patient/1', patientOf());
    bodies.set('/fhir/Patient', bundleOf(`http://127.0.0.1:${port}/fhir`));
    process.send?.({ port });
  });
}

function listen(app: RequestListener): void {
  const server = createServer(app);
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

/** Ficus with everything on that a streamed route goes through: log, metrics, deadline, trace, link replacement. */
async function ours(port: number): Promise<void> {
  keepObjectsYoung();
  const backend = createModernBackend({
    name: 'labs',
    url: `http://127.0.0.1:${port}/fhir`,
    publicBase: () => 'https://api.hospital.example/fhir/r4',
    endpoints: ['Patient.read', 'Patient.search', 'Observation.create'],
  });
  const app = createFhirApp({
    backend,
    promised: () => ['read', 'search', 'create'],
    parseSearch: (type, applied) => ({ type, filters: [], sort: [], include: [], applied, ignored: [] }),
    capability: () => ({ resourceType: 'CapabilityStatement' }),
    bodyOf: () => 'streamed',
    publicBase: () => 'https://api.hospital.example/fhir/r4',
    http: { deadlineMs: 10_000, maxBodyBytes: 5 * 1024 * 1024, compression: true },
    clock: systemClock,
    log: createLogger({ level: 'info', stream: new Writable({ write: (_line, _encoding, done) => done() }) }),
    metrics: createMetrics({ process: false }),
  });
  const server = await startHttpServer({ app, clock: systemClock }, { host: '127.0.0.1', port: 0 });
  process.send?.({ port: server.port });
}

const ACCEPT = { accept: 'application/fhir+json' };

/** node:http and undici with nothing between them: bytes are handed on as they come. What a proxy of this kind must spend. */
function floor(port: number): void {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64, headersTimeout: 0, bodyTimeout: 0 });
  listen((req, res) => {
    const path = req.url!.replace('/fhir/r4', '/fhir');
    let controller: Dispatcher.DispatchController;
    res.on('drain', () => controller.resume());
    pool.dispatch(
      { method: 'GET', path, headers: ACCEPT },
      {
        onRequestStart: (started) => void (controller = started),
        onResponseStart(_controller, status, headers) {
          res.writeHead(status, headers as OutgoingHttpHeaders);
        },
        onResponseData(_controller, chunk) {
          if (!res.write(chunk)) controller.pause();
        },
        onResponseEnd: () => void res.end(),
        onResponseError: () => void res.destroy(),
      },
    );
  });
}

/** Bare express and http-proxy-middleware with a keep-alive agent. */
function peer(port: number): void {
  const app = express();
  app.use(createProxyMiddleware({ target: `http://127.0.0.1:${port}`, changeOrigin: true, agent: new Agent({ keepAlive: true }), pathRewrite: { '^/fhir/r4': '/fhir' } })); // prettier-ignore
  listen(app);
}

/** The same behind a global body parser, as many gateways have it. */
function parseAndForward(port: number): void {
  const app = express();
  app.use(express.json({ limit: '5mb', type: ['application/json', 'application/fhir+json'] }));
  const on = { proxyReq: fixRequestBody };
  app.use(createProxyMiddleware({ target: `http://127.0.0.1:${port}`, changeOrigin: true, agent: new Agent({ keepAlive: true }), pathRewrite: { '^/fhir/r4': '/fhir' }, on })); // prettier-ignore
  listen(app);
}

/** Descriptors of this process. */
function openFiles(): number {
  const folder = '/proc/self/fd';
  return existsSync(folder) ? readdirSync(folder).length : Number.NaN;
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const peakMb = process.resourceUsage().maxRSS / 1024;
  process.send?.({ cpuUs: user + system, peakMb, openFiles: openFiles() } satisfies Usage);
});
process.on('disconnect', () => process.exit());

const ROLES: Readonly<Record<string, (upstreamPort: number) => void | Promise<void>>> = {
  upstream,
  ours,
  floor,
  peer,
  'parse-and-forward': parseAndForward,
};
const [, , role = '', port] = process.argv;
const start = ROLES[role];
if (!start) throw new Error(`No such role: ${role}`);
await start(Number(port));
