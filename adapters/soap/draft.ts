import type { Step, TreeText, TreeWriter } from '../../src/mapping/tree.ts';
import { element } from './xml-element.ts';
import type { XmlAttribute, XmlElement } from './xml-element.ts';
import {
  attributeName,
  countOf,
  isFilled,
  isNamed,
  isOwnAttribute,
  locationOf,
  nth,
  ownText,
  stepsOf,
  XSI,
} from './xml-place.ts';

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
  readonly element: () => XmlElement;
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
    if (!above || !found || (found.children.length === 0 && !isFilled(found))) return;
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
