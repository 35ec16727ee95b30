import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';
import { FicusError, toFicusError } from '../errors.ts';
import type { Logger } from '../ports.ts';

/** What an admin route answers with; `body` is written as JSON unless `text` says otherwise. */
export interface AdminAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: { readonly contentType: string; readonly body: string };
}

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  /** Each parameter of the address once; of one that was sent twice the first. */
  readonly query: Readonly<Record<string, string>>;
  /** The JSON body of a request that changes something; an empty object otherwise. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Request['headers'];
}

/** One route of the admin API. It is written beside what it shows and mounted here. */
export interface AdminRoute {
  readonly method: 'get' | 'put' | 'post' | 'delete';
  /** In express's form: `/routes/:endpoint`. */
  readonly path: string;
  /** Largest body, as express says it; default `64kb`. */
  readonly bodyLimit?: string;
  /** Throws FicusError. */
  readonly handle: (request: AdminRequest) => Promise<AdminAnswer> | AdminAnswer;
}

export interface AdminOptions {
  readonly routes: readonly AdminRoute[];
  readonly log: Logger;
}

const BODY_LIMIT = '64kb';

/** A page in a browser must not be able to change anything: this port has no login in this release. */
function refuseBrowsers(req: Request): void {
  if (req.headers.origin !== undefined)
    throw new FicusError('forbidden', 'The admin API cannot be used from a web page');
  if (req.is('application/json') === false || req.headers['content-type'] === undefined) {
    throw new FicusError('unsupported-media', 'The body must be JSON (Content-Type: application/json)');
  }
}

function bodyOf(req: Request): Readonly<Record<string, unknown>> {
  const body: unknown = req.body;
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new FicusError('invalid', 'The body must be a JSON object');
}

function queryOf(req: Request): Record<string, string> {
  const pairs = [...new URL(req.url, 'http://admin').searchParams].toReversed();
  return Object.fromEntries(pairs);
}

async function answer(route: AdminRoute, req: Request, res: Response): Promise<void> {
  const changes = route.method !== 'get';
  if (changes) refuseBrowsers(req);
  const { params, headers } = req;
  const answered = await route.handle({
    params: params as Record<string, string>,
    query: queryOf(req),
    body: changes ? bodyOf(req) : {},
    headers,
  });
  res
    .status(answered.status ?? 200)
    .set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...answered.headers });
  if (answered.text) res.type(answered.text.contentType).send(answered.text.body);
  else res.json(answered.body ?? {});
}

/** Errors of express and its body parser in our terms. */
function ofExpress(error: unknown): FicusError {
  const status = (error as { status?: unknown } | undefined)?.status;
  if (status === 413)
    return new FicusError('too-large', 'The body is larger than this address takes', { cause: error });
  if (status === 415)
    return new FicusError('unsupported-media', 'The body must be JSON in UTF-8', { cause: error });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new FicusError('malformed', 'The request is not understood', { cause: error });
  }
  return toFicusError(error);
}

/**
 * The admin application, for a port of its own that is kept off the public network. Failures are
 * `{"error": code, "message": words}` with the status of the code, and `reasons` where several things stand in the way.
 */
export function createAdminApp(options: AdminOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const paths = new Set(options.routes.map(({ path }) => path));
  for (const route of options.routes) {
    const limit = route.bodyLimit ?? BODY_LIMIT;
    const parse = route.method === 'get' ? [] : [express.json({ limit })];
    app[route.method](route.path, ...parse, (req: Request, res: Response) => answer(route, req, res));
  }
  for (const path of paths) {
    const methods = options.routes
      .filter((one) => one.path === path)
      .map(({ method }) => method.toUpperCase());
    app.all(path, () => {
      throw new FicusError('method-not-allowed', 'This address does not take that method', {
        headers: { allow: methods.join(', ') },
      });
    });
  }
  app.use(() => {
    throw new FicusError('not-found', 'There is nothing at this address');
  });
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const failure = error instanceof FicusError ? error : ofExpress(error);
    if (failure.code === 'internal') options.log.error('admin fault', { error });
    res.status(failure.status).set({ 'cache-control': 'no-store', ...failure.headers });
    const reasons = failure.issues.flatMap(({ diagnostics }) => diagnostics ?? []);
    res.json({
      error: failure.code,
      message: failure.message,
      ...(reasons.length > 1 || (reasons.length === 1 && reasons[0] !== failure.message) ? { reasons } : {}),
    });
  });
  return app;
}
