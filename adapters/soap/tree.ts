import { valued } from '../../src/mapping/tree.ts';
import type { Step, TreeReader, TreeText, TreeWriter } from '../../src/mapping/tree.ts';
import { element, NO_ATTRIBUTES } from './xml-element.ts';
import type { XmlAttribute, XmlElement } from './xml-element.ts';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** A place of a received document, for maps with `syntax: xml`. Steps are local names of the element's own namespace. */
export function readXmlTree(root: XmlElement): TreeReader {
  return new ElementPlace(root, root.ns, undefined, root.local, 0);
}

/** An element below `root` by a path of local names: `Result/ReturnCode`; `.` is the root. First repetitions all the way. */
export function elementAt(root: XmlElement, path: string): XmlElement | undefined {
  let at: XmlElement | undefined = root;
  if (path === '.') return at;
  for (const step of path.split('/')) at = at && nth(at, root.ns, step, 0);
  return at;
}

/** Every element at a path: all repetitions of its last step. */
export function elementsAt(root: XmlElement, path: string): readonly XmlElement[] {
  if (path === '.') return [root];
  const steps = path.split('/');
  const last = steps.pop()!;
  const above = steps.length === 0 ? root : elementAt(root, steps.join('/'));
  return above?.children.filter((child) => isNamed(child, root.ns, last)) ?? [];
}

/** The text at a path, trimmed; undefined where there is none or it is empty. */
export function textAt(root: XmlElement, path: string): string | undefined {
  return elementAt(root, path)?.text.trim() || undefined;
}

/** A place that was received; `element` undefined: it is not there. */
class ElementPlace implements TreeReader {
  private readonly element: XmlElement | undefined;
  private readonly ns: string;
  private readonly parent: ElementPlace | undefined;
  private readonly step: Step;
  private readonly index: number;

  constructor(
    element: XmlElement | undefined,
    ns: string,
    parent: ElementPlace | undefined,
    step: Step,
    index: number,
  ) {
    this.element = element;
    this.ns = ns;
    this.parent = parent;
    this.step = step;
    this.index = index;
  }

  text(): TreeText {
    return this.element && ownText(this.element);
  }

  count(step: Step): number {
    return this.element ? countOf(this.element, this.ns, step) : 0;
  }

  child(step: Step, index = 0): ElementPlace {
    return new ElementPlace(
      this.element && nth(this.element, this.ns, step, index),
      this.ns,
      this,
      step,
      index,
    );
  }

  steps(): readonly Step[] {
    return this.element ? stepsOf(this.element, this.ns) : [];
  }

  filled(): boolean {
    return this.element !== undefined && isFilled(this.element);
  }

  location(): string {
    return locationOf(this.parent?.location(), this.step, this.index);
  }
}

/** An element that is being written. Also an XmlElement: what reads one reads the other. */
interface Draft {
  readonly ns: string;
  readonly local: string;
  attrs: XmlAttribute[];
  children: Draft[];
  text: string;
}

/** An element that maps can write: empty, or a copy of one that was received. */
export interface XmlDraft {
  readonly place: TreeWriter;
  /** What was written, without elements that say nothing; a copy. */
  element(): XmlElement;
}

/** An empty element of that name, to be written. */
export function draftXml(ns: string, local: string): XmlDraft {
  return draftOf({ ns, local, attrs: [], children: [], text: '' });
}

/** A copy of an element, to be written onto. */
export function draftXmlOf(original: XmlElement): XmlDraft {
  return draftOf(copy(original));
}

function draftOf(root: Draft): XmlDraft {
  return { place: new DraftPlace(root, root.ns, undefined, root.local, 0), element: () => pruned(root) };
}

function copy({ ns, local, attrs, children, text }: XmlElement): Draft {
  return { ns, local, attrs: [...attrs], children: children.map(copy), text };
}

function pruned({ ns, local, attrs, children, text }: Draft): XmlElement {
  const filled = children.filter(isFilled);
  return filled.length === 0
    ? element(ns, local, text, attrs)
    : element(ns, local, filled.map(pruned), attrs);
}

/** A place of a draft; finds its element anew each time, since what is above may be re-arranged. */
class DraftPlace implements TreeWriter {
  private readonly root: Draft | undefined;
  private readonly ns: string;
  private readonly parent: DraftPlace | undefined;
  private readonly step: Step;
  private readonly index: number;

  constructor(
    root: Draft | undefined,
    ns: string,
    parent: DraftPlace | undefined,
    step: Step,
    index: number,
  ) {
    this.root = root;
    this.ns = ns;
    this.parent = parent;
    this.step = step;
    this.index = index;
  }

  private find(): Draft | undefined {
    if (!this.parent) return this.root;
    const above = this.parent.find();
    return above && (nth(above, this.ns, this.step, this.index) as Draft | undefined);
  }

  private make(): Draft {
    if (!this.parent) return this.root!;
    const above = this.parent.make();
    for (;;) {
      const found = nth(above, this.ns, this.step, this.index) as Draft | undefined;
      if (found) return found;
      above.text = '';
      above.children.push(emptyDraft(this.ns, String(this.step)));
    }
  }

  text(): TreeText {
    const found = this.find();
    return found && ownText(found);
  }

  count(step: Step): number {
    const found = this.find();
    return found ? countOf(found, this.ns, step) : 0;
  }

  child(step: Step, index = 0): DraftPlace {
    return new DraftPlace(undefined, this.ns, this, step, index);
  }

  steps(): readonly Step[] {
    const found = this.find();
    return found ? stepsOf(found, this.ns) : [];
  }

  filled(): boolean {
    const found = this.find();
    return found !== undefined && isFilled(found);
  }

  location(): string {
    return locationOf(this.parent?.location(), this.step, this.index);
  }

  set(text: string): void {
    const attribute = attributeName(this.step);
    if (attribute !== undefined && this.parent) {
      const owner = this.parent.make();
      owner.attrs = [
        ...owner.attrs.filter((it) => !isOwnAttribute(it, attribute)),
        { ns: '', local: attribute, value: text },
      ];
      return;
    }
    const target = this.make();
    target.text = text;
    target.children = [];
    // A value is not nil any more.
    target.attrs = target.attrs.filter(({ ns }) => ns !== XSI);
  }

  clear(): void {
    const above = this.parent?.find();
    const found = this.find();
    if (!above || !found || !this.filled()) return;
    const attribute = attributeName(this.step);
    if (attribute === undefined) above.children.splice(above.children.indexOf(found), 1);
    else above.attrs = above.attrs.filter((it) => !isOwnAttribute(it, attribute));
  }

  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    if (sources.length === 0 && this.count(step) === 0) return;
    const target = this.make();
    const present = target.children.filter((child) => isNamed(child, this.ns, step));
    const next = sources.map(
      (source) => (source === undefined ? undefined : present[source]) ?? emptyDraft(this.ns, String(step)),
    );
    const first = present[0] ? target.children.indexOf(present[0]) : target.children.length;
    const others = target.children.filter((child) => !present.includes(child));
    target.children = [...others.slice(0, first), ...next, ...others.slice(first)];
  }

  order(steps: readonly Step[]): void {
    const found = this.find();
    if (!found) return;
    const rank = ({ local }: Draft): number => (steps.includes(local) ? steps.indexOf(local) : steps.length);
    const named = found.children.map(rank).filter((it) => it < steps.length);
    // What is in order stays where it is, with what nobody named in between.
    if (named.some((it, at) => it < (named[at - 1] ?? 0)))
      found.children = found.children.toSorted((a, b) => rank(a) - rank(b));
  }
}

function emptyDraft(ns: string, local: string): Draft {
  return { ns, local, attrs: [], children: [], text: '' };
}

function isNamed(child: XmlElement, ns: string, step: Step): boolean {
  return child.local === step && (child.ns === ns || child.ns === '');
}

function attributeName(step: Step): string | undefined {
  return typeof step === 'string' && step.startsWith('@') ? step.slice(1) : undefined;
}

function isOwnAttribute(attribute: XmlAttribute, name: string): boolean {
  return attribute.ns === '' && attribute.local === name;
}

/** The child of that name, counted from 0; an attribute as an element that holds its text. */
function nth(above: XmlElement, ns: string, step: Step, index: number): XmlElement | undefined {
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

function countOf(above: XmlElement, ns: string, step: Step): number {
  const attribute = attributeName(step);
  if (attribute !== undefined) return above.attrs.some((it) => isOwnAttribute(it, attribute)) ? 1 : 0;
  let count = 0;
  for (const child of above.children) if (isNamed(child, ns, step)) count += 1;
  return count;
}

function stepsOf(above: XmlElement, ns: string): readonly Step[] {
  const steps = new Set<Step>();
  for (const { ns: attributeNs, local, value } of above.attrs)
    if (attributeNs === '' && value !== '') steps.add(`@${local}`);
  for (const child of above.children)
    if ((child.ns === ns || child.ns === '') && isFilled(child)) steps.add(child.local);
  return [...steps];
}

/** The text of an element without child elements; one that is `xsi:nil` says nothing. */
function ownText({ attrs, children, text }: XmlElement): TreeText {
  if (children.length > 0) return undefined;
  const isNil = attrs.some(
    ({ ns, local, value }) => ns === XSI && local === 'nil' && /^(true|1)$/.test(value),
  );
  return isNil ? '' : text;
}

function isFilled(it: XmlElement): boolean {
  return (
    valued(ownText(it)) ||
    it.children.some(isFilled) ||
    it.attrs.some(({ ns, value }) => ns === '' && value !== '')
  );
}

function locationOf(above: string | undefined, step: Step, index: number): string {
  const own = index === 0 ? String(step) : `${step}[${index + 1}]`;
  return above === undefined ? own : `${above}/${own}`;
}
