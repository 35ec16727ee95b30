/** Text that is HTML already: what `html` makes. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Piece = Html | string | number | undefined | readonly Piece[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(piece: Piece): string {
  if (piece === undefined) return '';
  if (piece instanceof Html) return piece.text;
  if (typeof piece === 'object') return piece.map(escaped).join('');
  return String(piece).replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

/** A template whose values are escaped. */
export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return new Html(parts.map((part, i) => part + (i < values.length ? escaped(values[i]) : '')).join(''));
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}fieldset{border:1px solid #767676;border-radius:.3rem;margin:1rem 0;padding:.5rem 1rem}legend{font-weight:600}
label{display:block;padding:.25rem 0}label.choice{display:flex;gap:.5rem;align-items:baseline}label.choice span{min-width:0}small{color:#4a4a4a}button,a.button{font:inherit;padding:.5rem 1.2rem;border:1px solid #0b4f8a;border-radius:.3rem;
background:#0b4f8a;color:#fff;cursor:pointer}button.second{background:#fff;color:#0b4f8a}:focus-visible{outline:3px solid #b35900;outline-offset:2px}
form[role=search]{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}input[type=search]{display:block;font:inherit;padding:.4rem;width:100%;box-sizing:border-box}.problem{border-left:.3rem solid #b00020;padding-left:.7rem}dt{font-weight:600}dd{margin:0 0 .5rem}code{overflow-wrap:anywhere}`;

/** A radio button or a box to tick, with its words beside it however many they are. */
export function choice(input: Piece, words: Piece): Piece {
  return html`<label class="choice">${input}<span>${words}</span></label>`;
}

/** What kept a form from being taken; read out at once where a page is read out. */
export function problem(words: string | undefined): Piece {
  return words === undefined ? undefined : html`<p class="problem" role="alert">${words}</p>`;
}

/** A whole page: no script, nothing from elsewhere. */
export function page(title: string, body: Piece): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`.text;
}

/**
 * Headers of every page. `formTo`: where a form may lead besides here, for browsers hold a redirect after a form to
 * this as well.
 *
 * @param formTo an origin, e.g. `http://localhost:3000`
 */
export function pageHeaders(formTo?: string): Readonly<Record<string, string>> {
  const forms = formTo === undefined ? "'self'" : `'self' ${formTo}`;
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; form-action ${forms}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}
