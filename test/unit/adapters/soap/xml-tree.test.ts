import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { draftXml, draftXmlOf } from '../../../../adapters/soap/draft.ts';
import { elementAt, elementsAt, readXmlTree, textAt } from '../../../../adapters/soap/tree.ts';
import { readXml } from '../../../../adapters/soap/xml-reader.ts';
import { writeXml } from '../../../../adapters/soap/xml-writer.ts';
import { createMemoryTree, snapshot } from '../../../../src/mapping/memory-tree.ts';
import type { TreeWriter } from '../../../../src/mapping/tree.ts';

const parse = (xml: string) => readXml(Buffer.from(xml));
const RECORD = parse(
  `<a:R xmlns:a="urn:a" xmlns:b="urn:b" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a:One> x </a:One>
   <a:Many id="1">p</a:Many><b:Many>foreign</b:Many><a:Many id="2"><a:Deep/></a:Many><Bare>n</Bare><a:Nil xsi:nil="true"/><a:Empty/></a:R>`,
);

describe('a place of a received document', () => {
  const root = readXmlTree(RECORD);

  it('reads text as it stands, attributes, and what is not there', () => {
    expect(root.child('One').text()).toBe(' x ');
    expect(root.child('Many').child('@id').text()).toBe('1');
    expect(root.child('Many', 1).text()).toBeUndefined();
    expect(root.child('Bare').text()).toBe('n');
    expect([root.child('Nil').text(), root.child('Empty').text()]).toEqual(['', '']);
    const nowhere = root.child('None').child('Below', 3);
    expect([nowhere.text(), nowhere.count('x'), nowhere.filled(), nowhere.steps()]).toEqual([
      undefined,
      0,
      false,
      [],
    ]);
  });

  it('counts what is of its own namespace', () => {
    expect(root.count('Many')).toBe(2);
    expect(root.child('Many').count('@id')).toBe(1);
    expect(root.child('Many').count('@none')).toBe(0);
  });

  it('lists the children that hold something, and knows where it is', () => {
    expect(root.steps()).toEqual(['One', 'Many', 'Bare']);
    expect(root.child('Many', 1).child('Deep').location()).toBe('R/Many[2]/Deep');
  });

  it('is found by its path', () => {
    expect(textAt(RECORD, 'One')).toBe('x');
    expect(textAt(RECORD, 'Empty')).toBeUndefined();
    expect(elementsAt(RECORD, 'Many')).toHaveLength(2);
    expect(elementsAt(RECORD, 'None/Many')).toEqual([]);
    expect(elementAt(RECORD, '.')).toBe(RECORD);
  });
});

describe('a draft', () => {
  it('is written in the order of the schema, without what says nothing', () => {
    const { place, element } = draftXml('urn:a', 'R');
    place.child('C').child('X', 1).set('2');
    place.child('C').child('X').set('1');
    place.child('B').set('b');
    place.child('B').child('@id').set('7');
    place.child('A').set('');
    place.order(['A', 'B', 'C']);
    const xml = writeXml(element(), { prefixes: new Map([['urn:a', 'a']]) }).toString();
    expect(xml).toContain(
      '<a:R xmlns:a="urn:a"><a:B id="7">b</a:B><a:C><a:X>1</a:X><a:X>2</a:X></a:C></a:R>',
    );
  });

  it('keeps what nobody touches, and leaves the original alone', () => {
    const { place, element } = draftXmlOf(RECORD);
    place.child('One').set('y');
    place.order(['One', 'Many', 'Bare']);
    expect(element().children.map(({ local, ns }) => `${ns} ${local}`)).toEqual([
      'urn:a One',
      'urn:a Many',
      'urn:b Many',
      'urn:a Many',
      ' Bare',
    ]);
    expect(textAt(RECORD, 'One')).toBe('x');
  });

  // Text stands in leaves only, as in the records of a service.
  const above = fc.array(fc.tuple(fc.constantFrom('G', 'H'), fc.nat(1)), { maxLength: 2 });
  const leaf = fc.tuple(fc.constantFrom('A', 'B'), fc.nat(1));
  const path = fc.tuple(above, leaf).map(([steps, last]) => [...steps, last]);
  const sources = fc.array(fc.option(fc.nat(2), { nil: undefined }), { maxLength: 3 });
  const change = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), path, text: fc.constantFrom('x', 'y', '') }),
    fc.record({ kind: fc.constant('clear' as const), path: fc.oneof(path, above) }),
    fc.record({
      kind: fc.constant('arrange' as const),
      path: above,
      step: fc.constantFrom('A', 'G'),
      sources,
    }),
  );

  it('does what the tree in memory does, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const trees: TreeWriter[] = [createMemoryTree('xml'), draftXml('', 'R').place];
        for (const one of changes) {
          for (const tree of trees) {
            let place = tree;
            for (const [step, index] of one.path) place = place.child(step, index);
            if (one.kind === 'set') place.set(one.text);
            else if (one.kind === 'clear') place.clear();
            else place.arrange(one.step, one.sources);
          }
          expect(snapshot(trees[1]!)).toEqual(snapshot(trees[0]!));
        }
      }),
    );
  });
});
