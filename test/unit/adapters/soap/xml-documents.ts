import * as fc from 'fast-check';
import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';

/** A document somebody wrote, and the tree it means. */
export interface Written {
  readonly xml: string;
  readonly tree: XmlElement;
}

/** Text that XML can carry, of any script, with what is special in XML more often than chance has it. */
export const legalText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '&',
        '<',
        '>',
        '"',
        "'",
        ']]>',
        '\r',
        '\n',
        '\r\n',
        '\t',
        ' ',
        '--',
        '&amp;',
        '&#65;',
        '0012',
      ),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(''))
  // oxfmt-ignore
  .filter((text) => /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(text));

export const localName = fc.constantFrom(
  'a',
  'Id',
  'name-1',
  'x.y',
  '_',
  'Größe',
  '名',
  'Patient',
  'Envelope',
);
export const namespaceName = fc.constantFrom('', 'urn:one', 'urn:two?a=1&b=2', 'http://example.org/three');

type Piece = { readonly as: 'plain' | 'cdata' | 'numeric' | 'comment'; readonly text: string };

interface Plan {
  readonly ns: string;
  readonly local: string;
  readonly prefix: string;
  readonly attrs: readonly (readonly [string, string])[];
  readonly quote: '"' | "'";
  readonly pieces: readonly Piece[];
  readonly children: readonly Plan[];
  readonly layout: string;
}

const piece: fc.Arbitrary<Piece> = fc.record({
  as: fc.constantFrom('plain', 'cdata', 'numeric', 'comment'),
  // A carriage return at the end would be one line end with what the next piece begins with.
  text: legalText.map((text) => text.replace(/\r$/, '')),
});

const { plan } = fc.letrec<{ plan: Plan; leaf: Plan }>((tie) => {
  const common = {
    ns: namespaceName,
    local: localName,
    prefix: fc.constantFrom('', 'p', 'q', 'soap'),
    attrs: fc.uniqueArray(fc.tuple(localName, legalText), { selector: ([name]) => name, maxLength: 3 }),
    quote: fc.constantFrom('"', "'"),
    layout: fc.constantFrom('', ' ', '\n  ', '\r\n\t'),
  } as const;
  return {
    leaf: fc.record({ ...common, pieces: fc.array(piece, { maxLength: 4 }), children: fc.constant([]) }),
    plan: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.record({ ...common, pieces: fc.constant([]), children: fc.array(tie('plan'), { maxLength: 4 }) }),
    ),
  };
});

/** Documents written in every way XML has for the same thing. */
export const document: fc.Arbitrary<Written> = plan.map((root) => ({
  xml: `<?xml version="1.0"?>${root.layout}${write(root)}${root.layout}`,
  tree: mean(root),
}));

function write(plan: Plan): string {
  const { ns, local, quote } = plan;
  // Every element declares its own name's namespace, so that any prefix may mean anything.
  const prefix = ns === '' ? '' : plan.prefix;
  const name = prefix === '' ? local : `${prefix}:${local}`;
  const declaration = `${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}=${quoted(ns, quote)}`;
  const attrs = plan.attrs.map(([attribute, value]) => `${attribute}=${quoted(value, quote)}`);
  const open = `<${[name, ...attrs, declaration].join(' ')}`;
  const inside =
    plan.pieces.map(({ as, text }) => WRITE_PIECE[as](text)).join('') +
    plan.children.map((child) => plan.layout + write(child)).join('');
  if (inside === '' && quote === "'") return `${open} />`;
  return `${open}>${inside}${plan.children.length > 0 ? plan.layout : ''}</${name}>`;
}

function quoted(value: string, quote: string): string {
  const escaped = value.replace(/[&<"'\t\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);
  return quote + escaped + quote;
}

const WRITE_PIECE: Readonly<Record<Piece['as'], (text: string) => string>> = {
  plain: (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  cdata: (text) => `<![CDATA[${text.replaceAll(']]>', ']] >')}]]>`,
  numeric: (text) =>
    Array.from(text, (character) => `&#x${character.codePointAt(0)!.toString(16)};`).join(''),
  comment: (text) => `<!--${text.replaceAll('-', '~')}-->`,
};

function mean(plan: Plan): XmlElement {
  return {
    ns: plan.ns,
    local: plan.local,
    attrs: plan.attrs.map(([local, value]) => ({ ns: '', local, value })),
    children: plan.children.map(mean),
    text: plan.pieces.map(meanPiece).join(''),
  };
}

function meanPiece({ as, text }: Piece): string {
  if (as === 'comment') return '';
  if (as === 'numeric') return text;
  return (as === 'cdata' ? text.replaceAll(']]>', ']] >') : text).replace(/\r\n?/g, '\n');
}
