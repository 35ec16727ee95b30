import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { element, XML_NS } from '../../../../adapters/soap/xml-element.ts';
import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';
import { readXml } from '../../../../adapters/soap/xml-reader.ts';
import { writeXml } from '../../../../adapters/soap/xml-writer.ts';
import { showTree } from './show-tree.ts';
import { legalText, localName, namespaceName } from './xml-documents.ts';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';

function attribute(local: string, value: string, ns = ''): { ns: string; local: string; value: string } {
  return { ns, local, value };
}

const attributes = fc.uniqueArray(fc.record({ ns: namespaceName, local: localName, value: legalText }), {
  selector: ({ ns, local }) => `${ns} ${local}`,
  maxLength: 3,
});
const { tree } = fc.letrec<{ tree: XmlElement; leaf: XmlElement }>((tie) => ({
  leaf: fc.tuple(namespaceName, localName, legalText, attributes).map((parts) => element(...parts)),
  tree: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc
      .tuple(namespaceName, localName, fc.array(tie('tree'), { maxLength: 4 }), attributes)
      .map((parts) => element(...parts)),
  ),
}));

describe('the XML writer', () => {
  it('writes what the reader reads back as the same tree', () => {
    fc.assert(
      fc.property(tree, (root) => {
        expect(showTree(readXml(writeXml(root)))).toBe(showTree(root));
      }),
      {
        numRuns: 500,
      },
    );
  });

  it.each<[string, XmlElement, string]>([
    ['an empty element', element('', 'a', [element('', 'b')]), '<a><b/></a>'],
    ['markup in text', element('', 'a', '<b>&"\'</b>]]>'), '<a>&lt;b&gt;&amp;"\'&lt;/b&gt;]]&gt;</a>'],
    ['a carriage return in text', element('', 'a', 'x\r\ny\t'), '<a>x&#13;\ny\t</a>'],
    [
      'an attribute',
      element('', 'a', '', [attribute('b', '"<&\n\r\t>')]),
      '<a b="&quot;&lt;&amp;&#10;&#13;&#9;&gt;"></a>',
    ],
    ['characters beyond ASCII', element('', 'a', 'Ἀθηνᾶ 王 𠮷'), '<a>Ἀθηνᾶ 王 𠮷</a>'],
    [
      'a namespace',
      element('urn:x', 'a', [element('urn:y', 'b'), element('urn:x', 'c')]),
      '<n2:a xmlns:n1="urn:y" xmlns:n2="urn:x"><n1:b/><n2:c/></n2:a>',
    ],
    ['xml:lang', element('', 'a', '', [attribute('lang', 'de', XML_NS)]), '<a xml:lang="de"></a>'],
  ])('writes %s', (_, root, xml) => {
    expect(writeXml(root).toString()).toBe(HEAD + xml);
  });

  it('declares the prefixes it is given on the root, and uses them', () => {
    const prefixes = new Map([
      ['urn:x', 'x'],
      ['http://www.w3.org/2001/XMLSchema-instance', 'xsi'],
      ['urn:y', 'n1'],
    ]);
    const type = attribute('type', 'x:Coded', 'http://www.w3.org/2001/XMLSchema-instance');
    const root = element('', 'a', [element('urn:x', 'b', '', [type]), element('urn:z', 'c')]);
    expect(writeXml(root, { prefixes }).toString()).toBe(
      `${HEAD}<a xmlns:x="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:n1="urn:y" xmlns:n2="urn:z">` +
        '<x:b xsi:type="x:Coded"/><n2:c/></a>',
    );
    expect([...prefixes.keys()]).not.toContain('urn:z');
  });

  it.each(['\u0000', '\u000b', '\u001f', '\ufffe', '\uffff', '\ud83d', '\ude00', 'a\ude00\ud83d'])(
    'refuses a character XML cannot carry: %j',
    (character) => {
      const refusal = expect.objectContaining({ code: 'value-invalid' });
      expect(() => writeXml(element('', 'a', `x${character}`))).toThrow(refusal);
      expect(() => writeXml(element('', 'a', '', [attribute('b', character)]))).toThrow(refusal);
    },
  );

  it('does not repeat a value it refuses', () => {
    expect(() => writeXml(element('', 'a', 'SECRET\u0000'))).toThrow(/^((?!SECRET).)*$/);
  });

  it.each<[string, XmlElement]>([
    ['an element with a name that is none', element('', 'a b')],
    ['an element with a name that holds markup', element('', 'a><b')],
    ['an element with a name that holds a prefix', element('', 'p:a')],
    ['an attribute with a name that is none', element('', 'a', '', [attribute('b="1" c', '2')])],
    ['an attribute twice', element('', 'a', '', [attribute('b', '1'), attribute('b', '2')])],
    ['a declaration as an attribute', element('', 'a', '', [attribute('xmlns', 'urn:x')])],
    ['text beside child elements', { ...element('', 'a', [element('', 'b')]), text: 'x' }],
  ])('refuses %s', (_, root) => {
    expect(() => writeXml(root)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it.each(['', 'xml', 'XMLx', 'a b', 'p:q'])('refuses the prefix %j', (prefix) => {
    const write = (): Buffer => writeXml(element('', 'a'), { prefixes: new Map([['urn:x', prefix]]) });
    expect(write).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('refuses one prefix for two namespaces', () => {
    const prefixes = new Map([
      ['urn:x', 'p'],
      ['urn:y', 'p'],
    ]);
    expect(() => writeXml(element('', 'a'), { prefixes })).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  });
});
