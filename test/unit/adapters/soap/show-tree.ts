import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';

/** A tree on one line: `{ns}name @attribute="value" "text" (children)`; what an expectation in fixtures/soap is compared with. */
export function showTree(element: XmlElement): string {
  const attrs = element.attrs.map(
    ({ ns, local, value }) => ` @${showName(ns, local)}=${JSON.stringify(value)}`,
  );
  const text = element.text === '' ? '' : ` ${JSON.stringify(element.text)}`;
  const children = element.children.length === 0 ? '' : ` (${element.children.map(showTree).join(', ')})`;
  return showName(element.ns, element.local) + attrs.join('') + text + children;
}

function showName(ns: string, local: string): string {
  return ns === '' ? local : `{${ns}}${local}`;
}
