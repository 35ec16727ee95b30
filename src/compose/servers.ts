import type { RequestListener } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../config/schema.ts';
import type { ServerTlsConfig } from '../config/tls-schema.ts';
import { FHIR_BASE_PATH, createFhirApp } from '../http/app.ts';
import type { AppOptions } from '../http/app.ts';
import { createAdminApp } from '../http/admin.ts';
import type { AdminOptions, AdminRoute } from '../http/admin.ts';
import { contractRoutes, operationsOf, secured } from '../http/admin-contract.ts';
import type { ApiDocument, OperationHandler } from '../http/admin-contract.ts';
import { documentRoute, healthRoutes, metricsRoute, routeTableRoutes } from '../http/admin-routes.ts';
import { createPassthrough } from '../http/passthrough.ts';
import { startHttpServer } from '../http/server.ts';
import { TRUST_NOBODY, trustOf } from '../http/forwarded.ts';
import type { HttpServer, ServerLimits, ServerTls } from '../http/server.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock, Logger } from '../ports.ts';
import type { Steps } from '../strangler/steps.ts';
import type { RouteTable } from '../strangler/table.ts';
import type { Installed } from './backends.ts';
import type { Certificates } from './certificates.ts';
import { limiterOf } from './limiter.ts';

/** What the servers answer with, known once the addresses are. */
export interface Opening extends Pick<
  AppOptions,
  | 'backend'
  | 'promised'
  | 'parseSearch'
  | 'parseEverything'
  | 'parseHistory'
  | 'ending'
  | 'capability'
  | 'smartConfiguration'
  | 'bodyOf'
  | 'authenticator'
  | 'refused'
> {
  readonly table: RouteTable;
  readonly backends: readonly Installed[];
  readonly steps: Pick<Steps, 'set'>;
  /** What of the feed is not as it should be; none where there is no feed. */
  readonly feedProblems: () => readonly string[];
  /** What of the audit is not as it should be. */
  readonly auditProblems: () => readonly string[];
  /** Issuers of tokens that cannot be asked now. */
  readonly securityProblems: () => readonly string[];
  /** contracts/admin-api.yaml, and what does its operations under `/migration` and `/feed`. */
  readonly document: ApiDocument;
  readonly operations: Readonly<Record<string, OperationHandler>>;
  /** Who may use the admin API, and what is told of it; absent: it is open, and nobody is told. */
  readonly adminAccess?: AdminOptions['access'];
  readonly audit?: AdminOptions['audit'];
}

export interface Servers {
  readonly publicBase: string;
  readonly adminBase: string;
  /** Begins to answer. */
  open(opening: Opening): void;
  /** Not ready from now on; drains, then closes. */
  close(): Promise<void>;
}

interface ServersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly certificates: Certificates;
}

/** Until the rest is there: a port that is taken is known before anything else starts. */
const starting: RequestListener = (_request, response) => {
  response.writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain' }).end('Ficus is starting\n');
};

/** `http://localhost:8080` for what listens on this machine only or everywhere. */
function baseOf({ scheme, host, port }: HttpServer): string {
  const local = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host);
  return `${scheme}://${local ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** @throws Error for certificates that cannot be used */
function tlsOf(
  section: string,
  config: ServerTlsConfig | undefined,
  certificates: Certificates,
  renew: (context: SecureContextOptions) => void,
): { readonly tls?: ServerTls } {
  if (!config) return {};
  const { certificate, key, clients, minVersion } = config;
  const files = { certificate, key, ...(clients ? { ca: clients.ca } : {}) };
  const context = (): SecureContextOptions => ({ ...pem, minVersion: `TLSv${minVersion}` });
  const pem = certificates.use(`${section}.tls`, files, () => renew(context()));
  return { tls: { context: context(), ...(clients ? { clients: clients.certificate } : {}) } };
}

/** Reads the certificates of both addresses, as serving them does. @throws Error for those that cannot be used */
export function checkServerTls(
  { listen, admin }: Pick<Config, 'listen' | 'admin'>,
  certificates: Certificates,
): void {
  tlsOf('listen', listen.tls, certificates, () => {});
  tlsOf('admin', admin.tls, certificates, () => {});
}

function serverLimits({ most, perAddress, ...limits }: Config['http']['connections']): ServerLimits {
  return { ...limits, connections: most, connectionsPerAddress: perAddress };
}

/** Listens on both addresses. Rejects, with nothing left open, when one cannot be had. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { config, clock, log, metrics, certificates } = options;
  let app = starting;
  let admin = starting;
  let draining = false;
  const { trustForwarded } = config.http;
  const trusts = trustOf(trustForwarded);
  // That a proxy is always in front of the FHIR API says nothing of this port: only those that are named are believed.
  const trustAtAdmin = trustForwarded === true ? TRUST_NOBODY : trusts;
  const passthrough = config.passthrough.map((one) =>
    createPassthrough({ ...one, trusts, origins: config.http.cors?.origins ?? [], clock, log, metrics }),
  );
  const limiter = limiterOf(config);
  const limits = serverLimits(config.http.connections);
  const open: HttpServer = await startHttpServer(
    {
      app: (req, res) => app(req, res),
      passthrough,
      trusts,
      clock,
      log,
      ...limits,
      ...tlsOf('listen', config.listen.tls, certificates, (context) => open.renew(context)),
    },
    config.listen,
  );
  let adminServer: HttpServer;
  try {
    adminServer = await startHttpServer(
      {
        app: (req, res) => admin(req, res),
        trusts,
        clock,
        log,
        ...limits,
        ...tlsOf('admin', config.admin.tls, certificates, (context) => adminServer.renew(context)),
      },
      config.admin,
    );
  } catch (error) {
    await open.close(0);
    throw error;
  }
  certificates.watch(log);
  const publicBase = config.publicBase ?? `${baseOf(open)}${FHIR_BASE_PATH}`;
  return {
    publicBase,
    adminBase: baseOf(adminServer),
    open({
      table,
      backends,
      steps,
      feedProblems,
      auditProblems,
      securityProblems,
      document,
      operations,
      adminAccess,
      audit,
      ...fhir
    }) {
      const ready = () => [
        { name: 'running', ok: !draining, ...(draining ? { detail: 'shutting down' } : {}) },
        // It is told, and keeps nothing from serving.
        ...feedProblems().map((detail) => ({ name: 'feed', ok: true, detail })),
        ...certificates.problems().map((detail) => ({ name: 'certificates', ok: true, detail })),
        ...auditProblems().map((detail) => ({ name: 'audit', ok: true, detail })),
        ...securityProblems().map((detail) => ({ name: 'security', ok: true, detail })),
        ...backends.map((backend) => ({
          name: backend.name,
          ok: true,
          ...(backend.healthy()
            ? {}
            : { detail: 'its breaker is open: its endpoints answer 503, the others serve' }),
        })),
      ];
      app = createFhirApp({
        ...fhir,
        publicBase: () => publicBase,
        http: { ...config.http, cors: config.http.cors },
        // With tokens, they say who calls, and nothing else does.
        ...(config.security === 'open' ? { callers: config.migration.headers } : {}),
        passthrough,
        trusts,
        ...(limiter ? { limiter } : {}),
        clock,
        log,
        metrics,
      });
      const routes = secured(document, [
        ...healthRoutes(ready),
        metricsRoute(metrics),
        documentRoute(document),
        ...routeTableRoutes(table, steps),
        ...contractRoutes(
          document,
          operationsUnder(['/migration', '/feed', '/security'], document),
          operations,
        ),
      ]);
      admin = createAdminApp({
        routes: config.admin.metrics === 'open' ? routes.map(openMetrics) : routes,
        hosts: [...config.admin.hosts, config.admin.host.toLowerCase()],
        tls: adminServer.scheme === 'https',
        ...(adminAccess ? { access: adminAccess } : {}),
        ...(limiter ? { limiter } : {}),
        trusts: trustAtAdmin,
        ...(audit ? { audit } : {}),
        log,
      });
    },
    async close() {
      draining = true;
      await open.close(config.http.drainMs);
      for (const one of passthrough) one.close();
      await adminServer.close(1_000);
      certificates.close();
    },
  };
}

/** Whatever scrapes metrics often has no token. */
function openMetrics(route: AdminRoute): AdminRoute {
  return route.path === '/metrics' ? { ...route, permission: 'none' } : route;
}

function operationsUnder(paths: readonly string[], document: ApiDocument) {
  return operationsOf(document).filter((one) =>
    paths.some((path) => one.path === path || one.path.startsWith(`${path}/`)),
  );
}
