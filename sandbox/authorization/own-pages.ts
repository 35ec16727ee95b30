import type { KoaContextWithOIDC } from 'oidc-provider';
import { readBody } from '../http.ts';
import type { Desk } from './desk.ts';
import { html, page, pageHeaders } from './pages.ts';
import { beginLaunch, recordSystem } from './record-system.ts';

const MAX_BODY_BYTES = 16_384;

/** The pages and calls that are the sandbox's own. */
export async function ownPages(
  desk: Desk,
  ctx: KoaContextWithOIDC,
  rotate: () => Promise<void>,
): Promise<boolean> {
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /':
      ctx.set({ ...pageHeaders() });
      ctx.body = frontPage(desk);
      return true;
    // Every browser asks for it.
    case 'GET /favicon.ico':
      ctx.status = 204;
      return true;
    case 'GET /ehr':
    case 'POST /ehr':
      await recordSystem(desk, ctx);
      return true;
    case 'POST /sandbox/launches': {
      const wish = await readJson(ctx);
      const text = (name: string) => (typeof wish[name] === 'string' ? wish[name] : undefined);
      const encounter = text('encounter');
      const launch = await beginLaunch(desk, {
        user: text('user') ?? '',
        patient: text('patient') ?? '',
        ...(encounter === undefined ? {} : { encounter }),
      });
      ctx.status = launch === undefined ? 400 : 201;
      ctx.body = launch === undefined ? { error: 'no such user' } : { launch, iss: desk.fhirBase() };
      return true;
    }
    case 'POST /sandbox/keys':
      await rotate();
      ctx.status = 204;
      return true;
    default:
      return false;
  }
}

async function readJson(ctx: KoaContextWithOIDC): Promise<Record<string, unknown>> {
  if (!ctx.is('application/json')) ctx.throw(415, 'The body is JSON');
  try {
    return JSON.parse((await readBody(ctx.req, MAX_BODY_BYTES)).toString('utf8')) as Record<string, unknown>;
  } catch {
    return ctx.throw(400, 'The body is no JSON');
  }
}

function frontPage(desk: Desk): string {
  return page('Authorization server of the sandbox hospital', [
    html`<p>Tokens from here are for <code>${desk.fhirBase()}</code>.</p>
      <ul>
        <li><a href="/ehr">Launch an application out of the record system</a></li>
        <li><a href="/.well-known/openid-configuration">Where everything is</a></li>
      </ul>
      <p>
        POST <code>/reg</code> registers an application; <code>npx ficus token</code> gets a token without
        pages.
      </p>`,
  ]);
}
