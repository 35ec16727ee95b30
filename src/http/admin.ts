import express from 'express';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { FicusError, toFicusError } from '../errors.ts';
import type { Logger, Principal } from '../ports.ts';
import type { AdminPermission } from '../security/roles-table.ts';
import type { Limiter } from '../security-ports.ts';
import { createHeaders, refusePages, refuseStrangeName } from './admin-browser.ts';
import { admitted, signedBy } from './admin-door.ts';
import type { AdminAccess, AdminCaller } from './admin-door.ts';
import { entryOfDone, entryOfFailed, refusalOf } from './admin-record.ts';
import type { AdminAudit, AdminTurn, Audited } from './admin-record.ts';
import { TRUST_NOBODY, clientAddress } from './forwarded.ts';
import type { TrustPeer } from './forwarded.ts';
import { requestIdOf } from './trace.ts';

/** What an admin route answers with; `body` is written as JSON unless `text` says otherwise. */
export interface AdminAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: { readonly contentType: string; readonly body: string };
  /** What the audit is to know of it beside who, when, and which address. */
  readonly audited?: Audited;
}

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  /** Each parameter of the address once; of one that was sent twice the first. */
  readonly query: Readonly<Record<string, string>>;
  /** The JSON body of a request that changes something, with `by` of its caller; an empty object otherwise. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Request['headers'];
  /** Who asks; absent: access is open. */
  readonly caller?: AdminCaller;
}

/** One route of the admin API. It is written beside what it shows and mounted here. */
export interface AdminRoute {
  readonly method: 'get' | 'put' | 'post' | 'delete';
  /** In express's form: `/routes/:endpoint`. */
  readonly path: string;
  /** What the audit calls it: `migration.promote`; default: method and path. */
  readonly operation?: string;
  /** What whoever asks must have; `none`: everybody may. Absent: with tokens, nobody may. */
  readonly permission?: AdminPermission | 'none';
  /** Whoever asks may call this port by any name; default no. */
  readonly anyName?: true;
  /** Largest body, as express says it; default `64kb`. */
  readonly bodyLimit?: string;
  /** Throws FicusError. */
  readonly handle: (request: AdminRequest) => Promise<AdminAnswer> | AdminAnswer;
}

export interface AdminOptions {
  readonly routes: readonly AdminRoute[];
  /** Absent: whoever reaches the port may do everything. */
  readonly access?: AdminAccess;
  /** Counts the tokens of each address that are refused; absent: nobody does. */
  readonly limiter?: Pick<Limiter, 'hear' | 'refused'>;
  /** Peers that are proxies: whom they name is whoever asks. Absent: none is. */
  readonly trusts?: TrustPeer;
  /** Names of this port beside `localhost`, in lower case. */
  readonly hosts?: readonly string[];
  /** Whether the port speaks HTTPS; default no. */
  readonly tls?: boolean;
  readonly audit?: AdminAudit;
  readonly log: Logger;
}

const BODY_LIMIT = '64kb';

function refuseOtherThanJson(req: Request): void {
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

function parsed(parse: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void parse(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(ofExpress(error))));
  });
}

/** @throws FicusError `unavailable`: then nothing that was found or done is shown */
async function told(tell: () => Promise<void> | undefined): Promise<void> {
  try {
    await tell();
  } catch (error) {
    const words =
      'The audit cannot be written, so this is not answered; what it was to change may have been changed.';
    throw new FicusError('unavailable', words, { cause: error });
  }
}

async function tellFailed(
  turn: AdminTurn,
  failure: FicusError,
  { sink, refused }: AdminAudit,
): Promise<void> {
  const refusal = refusalOf(turn, failure);
  if (refusal) return refused(refusal);
  const entry = entryOfFailed(turn, failure);
  if (entry) await sink.write([entry]);
}

/** One route as express calls it: who asks and whether they may is known before a byte of a body is read. */
function handlerOf(route: AdminRoute, options: AdminOptions) {
  const { access, limiter, trusts = TRUST_NOBODY, hosts = [], audit } = options;
  const { method, permission, bodyLimit = BODY_LIMIT } = route;
  const parse = express.json({ limit: bodyLimit });
  const changes = method !== 'get';

  async function perform(turn: AdminTurn, req: Request, res: Response): Promise<AdminAnswer> {
    if (!route.anyName) refuseStrangeName(req, hosts);
    if (permission !== 'none') refusePages(req);
    let caller: AdminCaller | undefined;
    const { headers } = req;
    if (access && permission !== 'none') {
      const { address, requestId } = turn;
      const onRefused = (principal: Principal): void => void (turn.principal = principal);
      const beforeVerifying = (): void => limiter?.hear(address);
      const asking = { headers, address, requestId, beforeVerifying, onRefused };
      turn.principal = await access.authenticator.authenticate(asking);
      caller = admitted(turn.principal, permission);
    }
    if (changes) {
      refuseOtherThanJson(req);
      await parsed(parse, req, res);
    }
    const sent = changes ? bodyOf(req) : {};
    turn.by = sent['by'];
    return route.handle({
      params: turn.params,
      query: queryOf(req),
      body: caller && changes ? signedBy(caller, sent) : sent,
      headers,
      ...(caller ? { caller } : {}),
    });
  }

  return async (req: Request, res: Response): Promise<void> => {
    const requestId = requestIdOf(req.headers['x-request-id']);
    res.setHeader('x-request-id', requestId);
    const turn: AdminTurn = {
      operation: route.operation ?? `${method} ${route.path}`,
      permission,
      changes,
      requestId,
      address: clientAddress(req, trusts),
      params: req.params as Record<string, string>,
    };
    let answer: AdminAnswer;
    try {
      answer = await perform(turn, req, res);
    } catch (error) {
      const failure = toFicusError(error);
      const brought = req.headers.authorization !== undefined;
      if (brought && failure.code === 'unauthenticated') await limiter?.refused(turn.address);
      await told(() => audit && tellFailed(turn, failure, audit));
      throw failure;
    }
    const entry = entryOfDone(turn, answer.audited);
    if (entry) await told(() => audit?.sink.write([entry]));
    res.status(answer.status ?? 200).set(answer.headers ?? {});
    if (answer.text) res.type(answer.text.contentType).send(answer.text.body);
    else res.json(answer.body ?? {});
  };
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
  const setHeaders = createHeaders(options.tls ?? false);
  app.use((req, res, next) => {
    setHeaders(req, res);
    next();
  });
  const paths = new Set(options.routes.map(({ path }) => path));
  for (const route of options.routes) app[route.method](route.path, handlerOf(route, options));
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
    if (failure.code === 'internal') options.log.error('admin fault', { error: failure.cause ?? failure });
    res.status(failure.status).set(failure.headers);
    if (failure.retryAfter !== undefined) res.set('retry-after', String(failure.retryAfter));
    const reasons = failure.issues.flatMap(({ diagnostics }) => diagnostics ?? []);
    res.json({
      error: failure.code,
      message: failure.message,
      ...(reasons.length > 1 || (reasons.length === 1 && reasons[0] !== failure.message) ? { reasons } : {}),
    });
  });
  return app;
}
