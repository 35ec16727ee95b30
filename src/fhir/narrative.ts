const ELEMENTS = new Set(
  (
    'a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p ' +
    'pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var'
  ).split(' '),
);
const ATTRIBUTES = new Set(
  (
    'abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class ' +
    'colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules ' +
    'scope shape span src start style summary tabindex title type valign value vspace width xml:lang xmlns'
  ).split(' '),
);
const URLS = new Set(['href', 'src', 'cite', 'longdesc', 'style']);
const TAG = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const COMMENT = /<!--(?:(?!--)[^])*-->/y;
const ATTRIBUTE = /([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/**
 * Whether a narrative `div` is what FHIR allows (R4 narrative.html, txt-1 and txt-2): one XHTML div, well-formed, only
 * basic formatting, something to read in it; no scripts, event attributes, `javascript:` links or declarations.
 */
export function isNarrative(xhtml: string): boolean {
  const source = xhtml.trim().replace(/^(?:<!--(?:(?!--)[^])*-->\s*)+/, '');
  if (!/^<div[\s>]/.test(source) || !/xmlns\s*=\s*["']http:\/\/www\.w3\.org\/1999\/xhtml["']/.test(source))
    return false;
  const open: string[] = [];
  let at = 0;
  let content = false;
  while (at < source.length) {
    const next = source.indexOf('<', at);
    const between = source.slice(at, next < 0 ? source.length : next);
    if (/\S/.test(between)) {
      if (open.length === 0) return false;
      content = true;
    }
    if (next < 0) break;
    // Where text may be, and nowhere else: what looks like one in an attribute must not hide the attributes behind it.
    COMMENT.lastIndex = next;
    if (COMMENT.test(source)) {
      at = COMMENT.lastIndex;
      continue;
    }
    if (open.length === 0 && at > 0) break;
    TAG.lastIndex = next;
    const tag = TAG.exec(source);
    if (!tag) return false;
    const [, closing, name, attributes, empty] = tag as unknown as [string, string, string, string, string];
    if (!ELEMENTS.has(name) || !attributesAllowed(attributes)) return false;
    if (name === 'img') content = true;
    if (closing === '/') {
      if (open.pop() !== name) return false;
    } else if (empty !== '/') {
      open.push(name);
    }
    at = TAG.lastIndex;
  }
  return open.length === 0 && at === source.length && content;
}

function attributesAllowed(attributes: string): boolean {
  for (const [, name, double, single] of attributes.matchAll(ATTRIBUTE)) {
    if (!ATTRIBUTES.has(name!)) return false;
    if (URLS.has(name!) && !isPassive(double ?? single ?? '')) return false;
  }
  return true;
}

/** A link that runs nothing, however its letters are written. */
function isPassive(url: string): boolean {
  const plain = url
    .replaceAll(/&#(?:x([0-9a-f]{1,6})|(\d{1,7}));?/gi, (_, hex: string | undefined, decimal: string) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    })
    .replaceAll(/&(?:tab|newline);?/gi, '')
    .replaceAll(/&colon;?/gi, ':')
    .replaceAll(/[^!-~]/g, '')
    .toLowerCase();
  return !/^(?:javascript|vbscript|data:text)/.test(plain);
}
