/** One page as a browser has it: where it is, and what is there. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A redirect that leads out of the pages: to an application. */
export class LeftFor extends Error {
  readonly url: URL;

  constructor(url: URL) {
    super(`Left for ${url.origin}`);
    this.url = url;
  }
}

/**
 * As much of a browser as forms without script need: cookies by path, redirects, and the forms of a page. Redirects are followed within
 * one origin; `leave` gives the address that leads out of it.
 */
export class Browser {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = new URL(origin).origin;
  }

  async open(address: string | URL): Promise<Page> {
    return this.#go('GET', new URL(address));
  }

  /** Sends a form of a page. @throws LeftFor when that leads to an application */
  async submit(page: Page, fields: Readonly<Record<string, string | readonly string[]>>): Promise<Page> {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(fields))
      for (const one of typeof value === 'string' ? [value] : value) body.append(name, one);
    return this.#go('POST', page.url, body.toString());
  }

  async #go(method: string, url: URL, body?: string): Promise<Page> {
    if (url.origin !== this.#origin) throw new LeftFor(url);
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin: this.#origin }),
      },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of response.headers.getSetCookie()) this.#take(line);
    const location = response.headers.get('location');
    if (location !== null) return this.#go('GET', new URL(location, url));
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }

  #take(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/';
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}

/** Where a step leads out to. @throws Error when it does not */
export async function leaving(step: Promise<Page>): Promise<URL> {
  try {
    const page = await step;
    throw new Error(`Stayed on ${page.url.pathname} (${page.status}): ${page.text}`);
  } catch (error) {
    if (error instanceof LeftFor) return error.url;
    throw error;
  }
}

/** Values of the inputs of a name on a page, in their order, with the character references undone. */
export function choices(page: Page, name: string): readonly string[] {
  const inputs = page.text.match(/<input[^>]*>/g) ?? [];
  return inputs
    .filter((one) => one.includes(`name="${name}"`))
    .map((one) => /value="([^"]*)"/.exec(one)?.[1] ?? '')
    .map((text) => text.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&'));
}
