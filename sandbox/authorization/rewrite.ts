import { IncomingMessage } from 'node:http';
import { readBody } from '../http.ts';
import { DATA_SCOPE_METADATA } from './provider.ts';
import { SESSION_SCOPES } from './scopes.ts';
import { tokenHash } from './tokens.ts';

const MAX_BODY_BYTES = 56 * 1024;

/**
 * A request as oidc-provider can take it. It knows tokens by what they are kept under, and only scopes of its own in a
 * registration; so a signed token becomes its hash where tokens are asked after or revoked, and the scopes about data
 * stand beside the others.
 *
 * @returns the same request where there is nothing to change
 * @throws BodyTooLarge
 */
export async function rewritten(request: IncomingMessage): Promise<IncomingMessage> {
  const path = request.url?.split('?', 1)[0] ?? '';
  const change = CHANGES.find(
    ({ method, pattern }) => method.includes(request.method ?? '') && pattern.test(path),
  );
  if (!change) return request;
  const body = await readBody(request, MAX_BODY_BYTES);
  const changed = Buffer.from(change.to(body.toString('utf8')));
  const copy = new IncomingMessage(request.socket);
  copy.method = request.method ?? 'POST';
  copy.url = request.url ?? path;
  copy.headers = { ...request.headers, 'content-length': String(changed.length) };
  copy.push(changed);
  copy.push(null);
  // Else its end would be taken for that of the connection.
  copy.complete = true;
  return copy;
}

const CHANGES: readonly {
  readonly method: readonly string[];
  readonly pattern: RegExp;
  readonly to: (body: string) => string;
}[] = [
  { method: ['POST'], pattern: /^\/token\/(introspection|revocation)$/, to: withHash },
  { method: ['POST', 'PUT'], pattern: /^\/reg(\/[^/]+)?$/, to: withDataScope },
];

function withHash(body: string): string {
  const form = new URLSearchParams(body);
  const tokens = form.getAll('token');
  // A token has three parts; anything else is a refresh token, or nothing.
  const [token] = tokens;
  if (tokens.length === 1 && token?.split('.').length === 3) form.set('token', tokenHash(token));
  return form.toString();
}

function withDataScope(body: string): string {
  const metadata = jsonObject(body);
  const scope = metadata?.['scope'];
  if (!metadata || typeof scope !== 'string') return body;
  const isSession = (one: string) => SESSION_SCOPES.some((name) => name === one);
  const all = scope.split(' ').filter(Boolean);
  const own = all.filter(isSession);
  const { scope: _, ...others } = metadata;
  return JSON.stringify({
    ...others,
    ...(own.length > 0 ? { scope: own.join(' ') } : {}),
    [DATA_SCOPE_METADATA]: all.filter((one) => !isSession(one)).join(' '),
  });
}

/** A registration's answer as it was asked: all scopes in one. */
export function withScope(metadata: Record<string, unknown>): Record<string, unknown> {
  const { [DATA_SCOPE_METADATA]: data, ...others } = metadata;
  if (typeof data !== 'string') return metadata;
  const { scope } = others;
  const all = [...(typeof scope === 'string' ? [scope] : []), ...(data === '' ? [] : [data])];
  return { ...others, scope: all.join(' ') };
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
