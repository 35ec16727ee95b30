import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Metrics } from '../metrics.ts';
import type { Steps } from '../strangler/steps.ts';
import type { RouteTable } from '../strangler/table.ts';
import type { AdminRequest, AdminRoute } from './admin.ts';

/** Whether something that Ficus needs is there; `detail` says in words what is missing. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

/**
 * For whatever probes, by any name. `/healthz`: the process answers. `/readyz`: it can serve, 503 while a check fails
 * or it is shutting down.
 */
export function healthRoutes(ready: () => Promise<readonly Check[]> | readonly Check[]): AdminRoute[] {
  return [
    { method: 'get', path: '/healthz', anyName: true, handle: () => ({ body: { status: 'ok' } }) },
    {
      method: 'get',
      path: '/readyz',
      anyName: true,
      handle: async () => {
        const checks = await ready();
        const ok = checks.every((check) => check.ok);
        return { status: ok ? 200 : 503, body: { status: ok ? 'ready' : 'not ready', checks } };
      },
    },
  ];
}

/** `/metrics` in Prometheus' text form. */
export function metricsRoute(metrics: Pick<Metrics, 'text'>): AdminRoute {
  return { method: 'get', path: '/metrics', handle: async () => ({ text: await metrics.text() }) };
}

/** The OpenAPI document of this port. */
export function documentRoute(document: object): AdminRoute {
  return { method: 'get', path: '/openapi.json', handle: () => ({ body: document }) };
}

function textOf(body: AdminRequest['body'], name: string): string | undefined {
  const value = body[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new FicusError('value-invalid', `"${name}" is a string`, { expression: [name] });
}

/** The version that whoever asks has seen: `If-Match: "3"`, or `version` in the body. */
function versionOf(request: AdminRequest): number | undefined {
  const header = request.headers['if-match'];
  const value =
    header === undefined
      ? request.body['version']
      : Number(/^(?:W\/)?"(\d+)"$/.exec(header)?.[1] ?? Number.NaN);
  if (value === undefined || (typeof value === 'number' && Number.isInteger(value))) return value;
  throw new FicusError('value-invalid', '"version" is a whole number', { expression: ['version'] });
}

/**
 * The route table: `GET /routes`, `GET /routes/:endpoint`, its `/history`, and
 * `PUT /routes/:endpoint {"stage", "by", "reason"?, "version"?}`, which moves an endpoint: back always, forward only
 * where the configuration lets gates be skipped (422). With a version that is not the current one the change is refused
 * (412).
 *
 * @param steps absent: the table alone says what may be, and nothing is gated
 */
export function routeTableRoutes(
  table: Pick<RouteTable, 'get' | 'list' | 'history' | 'setStage'>,
  steps?: Pick<Steps, 'set'>,
): AdminRoute[] {
  const endpointOf = (request: AdminRequest): Endpoint => String(request.params['endpoint']) as Endpoint;
  return [
    { method: 'get', path: '/routes', handle: () => ({ body: { routes: table.list() } }) },
    {
      method: 'get',
      path: '/routes/:endpoint',
      handle: (request) => {
        const endpoint = endpointOf(request);
        const route = table.get(endpoint);
        if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
        return { body: route, headers: { etag: `"${route.version}"` } };
      },
    },
    {
      method: 'get',
      path: '/routes/:endpoint/history',
      handle: async (request) => ({ body: { history: await table.history(endpointOf(request)) } }),
    },
    {
      method: 'put',
      path: '/routes/:endpoint',
      handle: async (request) => {
        const by = textOf(request.body, 'by');
        const stage = textOf(request.body, 'stage');
        const reason = textOf(request.body, 'reason');
        const ifVersion = versionOf(request);
        if (by === undefined || by.trim() === '') throw new FicusError('value-required', '"by" says who asks for the change', { expression: ['by'] }); // prettier-ignore
        if (stage === undefined) throw new FicusError('value-required', '"stage" says where the endpoint goes', { expression: ['stage'] }); // prettier-ignore
        const endpoint = endpointOf(request);
        const change = {
          by,
          ...(reason === undefined ? {} : { reason }),
          ...(ifVersion === undefined ? {} : { ifVersion }),
        };
        const before = table.get(endpoint);
        const { route, warnings } = steps
          ? await steps.set(endpoint, stage, change)
          : { route: await table.setStage(endpoint, stage, change), warnings: [] };
        const body = warnings.length === 0 ? route : { ...route, warnings };
        const from = before ? { from: before.stage } : {};
        const details = { ...from, to: route.stage, version: String(route.version) };
        return { body, headers: { etag: `"${route.version}"` }, audited: { details } };
      },
    },
  ];
}
