import { writeXml } from './xml-writer.ts';
import { element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';

/** Children of a record that are to be sent: those that changed, each whole; one that is gone is there and empty. */
export function changedChildren(before: XmlElement, after: XmlElement): readonly XmlElement[] {
  const names = new Set([...before.children, ...after.children].map(({ local }) => local));
  return [...names].flatMap((name) => {
    const [old, now] = [named(before, name), named(after, name)];
    if (old.length === now.length && old.every((it, at) => sameElement(it, now[at]!))) return [];
    return now.length === 0 ? [element(before.ns, name)] : now;
  });
}

/** Whether a record says all of what was sent to it: as much, or more. What was sent empty must be gone. */
export function holds(record: XmlElement, sent: readonly XmlElement[]): boolean {
  const times = new Map<string, number>();
  return sent.every((child) => {
    const index = times.get(child.local) ?? 0;
    times.set(child.local, index + 1);
    const found = named(record, child.local)[index];
    return found === undefined ? isGone(child) : says(found, child);
  });
}

function says(found: XmlElement, sent: XmlElement): boolean {
  if (sent.children.length === 0) return found.text.trim() === sent.text.trim();
  return holds(found, sent.children);
}

/** Whether an element says nothing: sent so, it is taken away. */
export function isGone({ text, children }: XmlElement): boolean {
  return text.trim() === '' && children.every(isGone);
}

function named({ children }: XmlElement, local: string): XmlElement[] {
  return children.filter((child) => child.local === local);
}

function sameElement(a: XmlElement, b: XmlElement): boolean {
  return writeXml(a).equals(writeXml(b));
}
