import { isNcName } from './xml-characters.ts';
import {
  AMPERSAND,
  APOSTROPHE,
  BANG,
  BRACKET,
  COLON,
  EQUALS,
  GREATER,
  LESS,
  NAME_CLASS,
  NAME_PART,
  NEWLINE,
  QUESTION,
  QUOTE,
  SLASH,
  SPACE,
  TAB,
  isSpace,
} from './xml-codes.ts';
import { XmlCursor } from './xml-cursor.ts';
import { XML_DECLARATION } from './xml-decode.ts';
import { NO_ATTRIBUTES, NO_CHILDREN } from './xml-element.ts';
import type { NamespaceScope, XmlAttribute, XmlElement } from './xml-element.ts';
import type { XmlReadOptions } from './xml-options.ts';
import { bindNamespaces, namespaceOf, resolveAttributes } from './xml-namespaces.ts';
import type { RawAttribute } from './xml-namespaces.ts';
import { expandReferences } from './xml-references.ts';

/**
 * One pass over the characters of a document whose line ends are normalised.
 * What is refused, and why, is readXml's docstring and fixtures/soap/xml.
 */
export class Scanner extends XmlCursor {
  private readonly skipInstructions: boolean;
  private readonly maxDepth: number;
  private readonly maxAttributes: number;
  private elementsLeft: number;
  /** Of the name read last: where its colon stands in the document, or -1. */
  private colon = -1;
  /** Of the character data passed last. */
  private hasReference = false;
  private isLayout = true;

  constructor(xml: string, options: XmlReadOptions) {
    super(xml);
    this.skipInstructions = options.processingInstructions === 'skip';
    this.maxDepth = options.maxDepth ?? 100;
    this.maxAttributes = options.maxAttributes ?? 64;
    this.elementsLeft = options.maxElements ?? 500_000;
  }

  document(): XmlElement {
    XML_DECLARATION.lastIndex = 0;
    if (XML_DECLARATION.test(this.xml)) this.pos = XML_DECLARATION.lastIndex;
    this.miscellany();
    if (this.pos >= this.xml.length) throw this.refuse('no element in it');
    const root = this.element(1, undefined);
    this.miscellany();
    if (this.pos < this.xml.length) throw this.refuse('content after the root element');
    return root;
  }

  /** White space and comments around the root; leaves `pos` at the root's `<` or at the end. */
  private miscellany(): void {
    for (;;) {
      this.skipSpace();
      if (this.pos >= this.xml.length) return;
      if (this.xml.charCodeAt(this.pos) !== LESS) throw this.refuse('text outside of the root element');
      const next = this.xml.charCodeAt(this.pos + 1);
      if (next === BANG && this.xml.startsWith('<!--', this.pos)) this.comment();
      else if (next === BANG) throw this.refuse('a DOCTYPE or other declaration');
      else if (next === QUESTION) this.instruction();
      else return;
    }
  }

  private element(depth: number, outer: NamespaceScope | undefined): XmlElement {
    if (depth > this.maxDepth) throw this.refuse('elements nested too deep');
    if (--this.elementsLeft < 0) throw this.refuse('too many elements');
    const { xml } = this;
    const start = ++this.pos;
    const raw = this.name();
    const colon = this.colon;

    let scope = outer;
    let attrs = NO_ATTRIBUTES;
    if (xml.charCodeAt(this.pos) !== GREATER) {
      const found = this.attributes();
      if (found.length > 0) {
        scope = bindNamespaces(found, outer);
        attrs = resolveAttributes(found, scope);
      }
    }
    const ns = namespaceOf(colon < 0 ? '' : xml.slice(start, colon), scope, start);
    const local = colon < 0 ? raw : xml.slice(colon + 1, start + raw.length);

    if (xml.charCodeAt(this.pos) === SLASH) {
      this.pos++;
      this.expect(GREATER);
      return { ns, local, attrs, children: NO_CHILDREN, text: '', scope };
    }
    this.expect(GREATER);
    return this.content(depth, raw, ns, local, attrs, scope);
  }

  /** From behind the start tag to behind the end tag. */
  private content(
    depth: number,
    raw: string,
    ns: string,
    local: string,
    attrs: readonly XmlAttribute[],
    scope: NamespaceScope | undefined,
  ): XmlElement {
    const { xml } = this;
    let children: XmlElement[] | undefined;
    let text = '';
    for (;;) {
      const start = this.pos;
      this.characterData();
      const end = this.pos;
      const next = xml.charCodeAt(end + 1);
      const isBetweenTags = next === SLASH ? children !== undefined : next !== BANG && next !== QUESTION;
      if (end > start && !(this.isLayout && isBetweenTags)) {
        const run = xml.slice(start, end);
        text += this.hasReference ? expandReferences(run, start) : run;
      }
      if (next === SLASH) break;
      if (next === BANG) text += this.commentOrCdata();
      else if (next === QUESTION) this.instruction();
      else (children ??= []).push(this.element(depth + 1, scope));
    }
    this.endTag(raw);
    // Layout that a comment cut in pieces.
    if (children !== undefined && text !== '' && !/[^ \t\n]/.test(text)) text = '';
    return { ns, local, attrs, children: children ?? NO_CHILDREN, text, scope };
  }

  private endTag(raw: string): void {
    this.pos += 2;
    if (!this.xml.startsWith(raw, this.pos)) throw this.refuse('an end tag that closes another element');
    this.pos += raw.length;
    this.skipSpace();
    if (this.xml.charCodeAt(this.pos) !== GREATER)
      throw this.refuse('an end tag that closes another element');
    this.pos++;
  }

  /** Passes character data up to the next `<`, and notes what is in it. */
  private characterData(): void {
    const { xml } = this;
    let hasReference = false;
    let isLayout = true;
    let i = this.pos;
    for (;;) {
      const code = xml.charCodeAt(i);
      if (code === LESS) break;
      if (code > SPACE) {
        isLayout = false;
        if (code === AMPERSAND) hasReference = true;
        else if (code === BRACKET && xml.startsWith(']]>', i)) throw this.refuse('"]]>" in text', i);
        else if (code >= 0xfffe) throw this.refuse('a character that XML does not allow', i);
      } else if (code !== SPACE && code !== NEWLINE && code !== TAB) {
        throw this.refuse(i < xml.length ? 'a character that XML does not allow' : 'it breaks off', i);
      }
      i++;
    }
    this.pos = i;
    this.hasReference = hasReference;
    this.isLayout = isLayout;
  }

  /** Attributes as written, up to the `>` or `/` of the start tag. */
  private attributes(): RawAttribute[] {
    const { xml } = this;
    const found: RawAttribute[] = [];
    for (;;) {
      const spaced = this.skipSpace();
      const code = xml.charCodeAt(this.pos);
      if (code === GREATER || code === SLASH) return found;
      const start = this.pos;
      if (!spaced) throw this.refuse('a start tag that is no start tag');
      if (found.length >= this.maxAttributes) throw this.refuse('too many attributes');
      const name = this.name();
      const prefix = this.colon < 0 ? '' : xml.slice(start, this.colon);
      const local = prefix === '' ? name : name.slice(prefix.length + 1);
      this.skipSpace();
      this.expect(EQUALS);
      this.skipSpace();
      found.push({ prefix, local, value: this.attributeValue(), at: start });
    }
  }

  /** A quoted value, normalised (XML 1.0 §3.3.3): white space becomes spaces, but not where a reference makes it. */
  private attributeValue(): string {
    const { xml } = this;
    const quote = xml.charCodeAt(this.pos);
    if (quote !== QUOTE && quote !== APOSTROPHE) throw this.refuse('an attribute without quotes');
    const start = ++this.pos;
    let hasReference = false;
    let hasBreak = false;
    let i = start;
    for (;;) {
      const code = xml.charCodeAt(i);
      if (code === quote) break;
      if (code === AMPERSAND) hasReference = true;
      else if (code === LESS) throw this.refuse('"<" in an attribute', i);
      else if (code === NEWLINE || code === TAB) hasBreak = true;
      else if (!(code >= SPACE) || code >= 0xfffe) {
        throw this.refuse(i < xml.length ? 'a character that XML does not allow' : 'it breaks off', i);
      }
      i++;
    }
    this.pos = i + 1;
    const value = xml.slice(start, i);
    const normal = hasBreak ? value.replace(/[\t\n]/g, ' ') : value;
    return hasReference ? expandReferences(normal, start) : normal;
  }

  /** A QName (Namespaces in XML 1.0 §4), as written; `colon` tells where its prefix ends. */
  private name(): string {
    const { xml } = this;
    const start = this.pos;
    let colon = -1;
    let isAscii = true;
    let partStart = start;
    let i = start;
    for (;;) {
      const code = xml.charCodeAt(i);
      if (code < 128) {
        const kind = NAME_CLASS[code];
        if (code === COLON) {
          if (colon >= 0 || i === start) throw this.refuse('a name that is no name', i);
          colon = i;
          partStart = i + 1;
        } else if (kind === 0) break;
        else if (kind === NAME_PART && i === partStart) throw this.refuse('a name that is no name', i);
      } else if (code >= 128) isAscii = false;
      else throw this.refuse('it breaks off', i);
      i++;
    }
    if (i === partStart) throw this.refuse('a name that is no name', i);
    const name = xml.slice(start, i);
    if (!isAscii && !name.split(':').every(isNcName)) throw this.refuse('a name that is no name', start);
    this.pos = i;
    this.colon = colon;
    return name;
  }

  /** At `<!` inside the root. Comments give nothing; CDATA gives its text. */
  private commentOrCdata(): string {
    if (this.xml.startsWith('<!--', this.pos)) {
      this.comment();
      return '';
    }
    if (!this.xml.startsWith('<![CDATA[', this.pos)) throw this.refuse('a declaration inside the document');
    return this.upTo('<![CDATA['.length, ']]>');
  }

  private comment(): void {
    const text = this.upTo('<!--'.length, '-->');
    if (text.includes('--') || text.endsWith('-')) throw this.refuse('"--" inside a comment');
  }

  private instruction(): void {
    if (!this.skipInstructions)
      throw this.refuse('a processing instruction, or a declaration of something else than XML 1.0');
    const start = (this.pos += 2);
    const target = this.name();
    if (this.colon >= 0 || /^xml$/i.test(target))
      throw this.refuse('an XML declaration that is none or out of place', start);
    const rest = this.upTo(0, '?>');
    if (rest !== '' && !isSpace(rest.charCodeAt(0))) throw this.refuse('a name that is no name', start);
  }
}
