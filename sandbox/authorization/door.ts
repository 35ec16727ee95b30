import { randomUUID } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Desk } from './desk.ts';
import { html, page, pageHeaders } from './pages.ts';

/**
 * What every request passes: it is for this server by its own name (no rebinding of another), and no other site sends a
 * form here.
 */
export async function door(desk: Desk, ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  const requestId = randomUUID();
  ctx.state['requestId'] = requestId;
  ctx.set('x-request-id', requestId);
  // To this server itself a browser says where a form came from (below); with `no-referrer` it says `null` there as
  // well.
  ctx.set('referrer-policy', 'same-origin');
  ctx.set('x-content-type-options', 'nosniff');
  const refuse = (status: number, description: string): void => {
    desk.report({ requestId, error: 'invalid_request', description });
    ctx.status = status;
    ctx.set({ ...pageHeaders() });
    ctx.body = page(
      'This did not work',
      html`<p>${description}</p>
        <p>Request id <code>${requestId}</code></p>`,
    );
  };
  if (ctx.host !== new URL(desk.issuer).host) {
    refuse(421, `This server is ${desk.issuer}, and answers under that name only`);
    return;
  }
  const { origin } = ctx.headers;
  if (ctx.method === 'POST' && isPage(ctx.path) && origin !== undefined && origin !== desk.issuer) {
    refuse(403, 'Another site sent this form');
    return;
  }
  try {
    await next();
    if (ctx.status === 404 && ctx.body === undefined) refuse(404, 'There is nothing at this address');
  } catch (error) {
    // As koa has it: what may be shown says so.
    const { status = 500, expose } = error as { status?: number; expose?: boolean };
    const told = expose === true;
    refuse(told ? status : 500, told ? describe(error) : 'Something went wrong here');
  }
}

function describe(error: unknown): string {
  const { error_description: description, message } = error as {
    error_description?: string;
    message: string;
  };
  return description ?? message;
}

function isPage(path: string): boolean {
  return path === '/ehr' || path.startsWith('/interaction/') || path.startsWith('/sandbox/');
}
