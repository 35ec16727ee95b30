import { isLegalText } from './xml-characters.ts';
import { isSpace } from './xml-codes.ts';
import { malformedXml } from './xml-malformed.ts';

/** A place in the characters of a document: `pos` is the next character to look at. */
export class XmlCursor {
  protected readonly xml: string;
  protected pos = 0;

  constructor(xml: string) {
    this.xml = xml;
  }

  /** What stands between an opening of that many characters and the closing; `pos` goes behind the closing. */
  protected upTo(opening: number, closing: string): string {
    const start = this.pos + opening;
    const end = this.xml.indexOf(closing, start);
    if (end < 0) throw this.refuse('it breaks off');
    const text = this.xml.slice(start, end);
    if (!isLegalText(text)) throw this.refuse('a character that XML does not allow');
    this.pos = end + closing.length;
    return text;
  }

  protected expect(code: number): void {
    if (this.xml.charCodeAt(this.pos) !== code) throw this.refuse('a start tag that is no start tag');
    this.pos++;
  }

  protected skipSpace(): boolean {
    const start = this.pos;
    while (isSpace(this.xml.charCodeAt(this.pos))) this.pos++;
    return this.pos > start;
  }

  protected refuse(what: string, at = this.pos): Error {
    return malformedXml(what, at);
  }
}
