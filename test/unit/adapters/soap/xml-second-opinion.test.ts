import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';
import { readXml } from '../../../../adapters/soap/xml-reader.ts';
import { FicusError } from '../../../../src/errors.ts';
import { readWithFastXmlParser } from './second-opinion.ts';
import { showTree } from './show-tree.ts';
import { document } from './xml-documents.ts';

interface Row {
  readonly about: string;
  readonly xml?: string;
  readonly alone?: string;
}

const accepted = parse(
  readFileSync(new URL('../../../../fixtures/soap/xml/accepted.yaml', import.meta.url), 'utf8'),
) as Row[];

/** White space of mixed content apart, on which fast-xml-parser and the rule for layout differ. */
function comparable(tree: XmlElement): XmlElement {
  const text = tree.children.length > 0 ? tree.text.replace(/[ \t\n]+/g, '') : tree.text;
  return { ...tree, text, children: tree.children.map(comparable) };
}

describe('the XML reader and fast-xml-parser', () => {
  it.each(accepted.filter((row) => row.xml !== undefined && row.alone === undefined))(
    'agree on $about',
    (row) => {
      const ours = readXml(Buffer.from(row.xml!), { httpCharset: 'utf-8', processingInstructions: 'skip' });
      expect(showTree(readWithFastXmlParser(row.xml!))).toBe(showTree(ours));
    },
  );

  it('read any document as what it means', () => {
    fc.assert(
      fc.property(document, ({ xml, tree }) => {
        expect(showTree(readXml(Buffer.from(xml)))).toBe(showTree(tree));
        expect(showTree(readWithFastXmlParser(xml))).toBe(showTree(tree));
      }),
      { numRuns: 500 },
    );
  });

  it('agree on a damaged document, where ours accepts it', () => {
    let survivors = 0;
    let refused = 0;
    const damage = fc.tuple(
      fc.nat(),
      fc.nat({ max: 1 }),
      fc.constantFrom(...Array.from('<>&"\'/= ![]-?x:;#1'), ''),
    );
    fc.assert(
      fc.property(document, damage, ({ xml }, [at, removed, inserted]) => {
        const place = at % xml.length;
        const damaged = (xml.slice(0, place) + inserted + xml.slice(place + removed)).toWellFormed();
        let ours: XmlElement;
        try {
          ours = readXml(Buffer.from(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(FicusError);
          refused++;
          return;
        }
        survivors++;
        expect(showTree(comparable(readWithFastXmlParser(damaged)))).toBe(showTree(comparable(ours)));
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(survivors, refused)).toBeGreaterThan(100);
  });
});
