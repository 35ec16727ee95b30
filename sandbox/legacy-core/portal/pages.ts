import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { send } from '../../http.ts';

interface Page {
  readonly file: string;
  readonly type: string;
  /** File name of a download. */
  readonly download?: string;
}

const PAGES: Readonly<Record<string, Page>> = {
  '/portal/': { file: 'index.html', type: 'text/html; charset=iso-8859-1' },
  '/portal/index.html': { file: 'index.html', type: 'text/html; charset=iso-8859-1' },
  '/portal/portal.css': { file: 'portal.css', type: 'text/css' },
  '/portal/files/opening-hours.csv': {
    file: 'opening-hours.csv',
    type: 'text/csv; charset=iso-8859-1',
    download: 'opening-hours.csv',
  },
};

/** The hospital's old web portal: a page in Latin-1, its style, a file to download; nothing of it is FHIR. */
export async function servePortal(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  if (path === '/' || path === '/portal') {
    return send(response, { status: 302, headers: { location: '/portal/' }, body: '' });
  }
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  if (!page)
    return send(response, { status: 404, headers: { 'content-type': 'text/plain' }, body: 'Not found\n' });
  const head = request.method === 'HEAD';
  if (!head && request.method !== 'GET') {
    return send(response, { status: 405, headers: { allow: 'GET, HEAD' }, body: '' });
  }
  const text = await readFile(new URL(page.file, import.meta.url), 'utf8');
  const headers = {
    'content-type': page.type,
    ...(page.download === undefined
      ? {}
      : { 'content-disposition': `attachment; filename="${page.download}"` }),
    ...(page.type.startsWith('text/html') ? { 'set-cookie': 'HXSESSION=0; Path=/portal; HttpOnly' } : {}),
  };
  send(response, { status: 200, headers, body: Buffer.from(text, 'latin1') }, head);
}
