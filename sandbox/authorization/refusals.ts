import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import type { Desk } from './desk.ts';
import { html, page, pageHeaders } from './pages.ts';
import type { Piece } from './pages.ts';

/**
 * The page for whatever cannot be sent back to an application: an unknown client, a redirect address that is not
 * registered. Nobody is redirected from here. It names what does not fit, and the id under which the log has it.
 */
export async function refusalPage(desk: Desk, ctx: KoaContextWithOIDC, out: ErrorOut): Promise<void> {
  const requestId = String(ctx.state['requestId']);
  const description = out.error_description ?? 'Something went wrong';
  desk.report({ requestId, error: out.error, description });
  ctx.set({ ...pageHeaders() });
  ctx.body = page('This did not work', [
    html`<p>${description}</p>`,
    await mismatch(ctx),
    html`<dl>
      <dt>Error</dt>
      <dd><code>${out.error}</code></dd>
      <dt>Request id</dt>
      <dd><code>${requestId}</code></dd>
    </dl>`,
  ]);
}

/** What was asked, beside what is registered, where the two differ. */
async function mismatch(ctx: KoaContextWithOIDC): Promise<Piece> {
  const { client_id: clientId, redirect_uri: asked } = (ctx.oidc.params ?? ctx.query) as Record<
    string,
    unknown
  >;
  if (typeof clientId !== 'string') return html`<p>The request names no client_id.</p>`;
  const client = await ctx.oidc.provider.Client.find(clientId);
  if (!client)
    return html`<p>
      No application is registered under <code>${clientId}</code>. What was registered before this sandbox was
      started is forgotten: register again (POST to <code>/reg</code>).
    </p>`;
  const registered = client.redirectUris ?? [];
  if (typeof asked !== 'string' || registered.includes(asked)) return undefined;
  return html`<p>
      The application <strong>${client.clientName ?? clientId}</strong> asked to be answered at an address
      that is not registered for it. Addresses are compared letter by letter.
    </p>
    <dl>
      <dt>Asked</dt>
      <dd><code>${asked}</code></dd>
      <dt>Registered</dt>
      ${registered.map((one) => html`<dd><code>${one}</code></dd>`)}
    </dl>
    <p>
      Change the request, or the registration: <code>PUT</code> to its <code>registration_client_uri</code>.
    </p>`;
}
