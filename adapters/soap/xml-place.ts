import { valued } from '../../src/mapping/tree.ts';
import type { Step, TreeText } from '../../src/mapping/tree.ts';
import { NO_ATTRIBUTES } from './xml-element.ts';
import type { XmlAttribute, XmlElement } from './xml-element.ts';

export const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** Whether a child is of that name, in the namespace of the document or in none. */
export function isNamed(child: XmlElement, ns: string, step: Step): boolean {
  return child.local === step && (child.ns === ns || child.ns === '');
}

/** The attribute that a step `@name` names. */
export function attributeName(step: Step): string | undefined {
  return typeof step === 'string' && step.startsWith('@') ? step.slice(1) : undefined;
}

/** Whether an attribute is of that name, in no namespace. */
export function isOwnAttribute(attribute: XmlAttribute, name: string): boolean {
  return attribute.ns === '' && attribute.local === name;
}

/** The child of that name, counted from 0; an attribute as an element that holds its text. */
export function nth(above: XmlElement, ns: string, step: Step, index: number): XmlElement | undefined {
  const attribute = attributeName(step);
  if (attribute !== undefined) {
    const found = above.attrs.find((it) => isOwnAttribute(it, attribute));
    return found && index === 0
      ? { ns: '', local: attribute, attrs: NO_ATTRIBUTES, children: [], text: found.value }
      : undefined;
  }
  let left = index;
  for (const child of above.children) {
    if (isNamed(child, ns, step) && left-- === 0) return child;
  }
  return undefined;
}

/** How often a child is there. */
export function countOf(above: XmlElement, ns: string, step: Step): number {
  const attribute = attributeName(step);
  if (attribute !== undefined) return above.attrs.some((it) => isOwnAttribute(it, attribute)) ? 1 : 0;
  let count = 0;
  for (const child of above.children) if (isNamed(child, ns, step)) count += 1;
  return count;
}

/** The children that hold something. */
export function stepsOf(above: XmlElement, ns: string): readonly Step[] {
  const steps = new Set<Step>();
  for (const { ns: attributeNs, local, value } of above.attrs)
    if (attributeNs === '' && value !== '') steps.add(`@${local}`);
  for (const child of above.children)
    if ((child.ns === ns || child.ns === '') && isFilled(child)) steps.add(child.local);
  return [...steps];
}

/** The text of an element without child elements; one that is `xsi:nil` says nothing. */
export function ownText({ attrs, children, text }: XmlElement): TreeText {
  if (children.length > 0) return undefined;
  const isNil = attrs.some(
    ({ ns, local, value }) => ns === XSI && local === 'nil' && /^(true|1)$/.test(value),
  );
  return isNil ? '' : text;
}

/** Whether an element holds any text, in an attribute or below. */
export function isFilled(it: XmlElement): boolean {
  return (
    valued(ownText(it)) ||
    it.children.some(isFilled) ||
    it.attrs.some(({ ns, value }) => ns === '' && value !== '')
  );
}

/** `Appointment/Providers/Provider[2]`. */
export function locationOf(above: string | undefined, step: Step, index: number): string {
  const own = index === 0 ? String(step) : `${step}[${index + 1}]`;
  return above === undefined ? own : `${above}/${own}`;
}
