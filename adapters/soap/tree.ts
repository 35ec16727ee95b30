import type { Step, TreeReader, TreeText } from '../../src/mapping/tree.ts';
import type { XmlElement } from './xml-element.ts';
import { countOf, isFilled, isNamed, locationOf, nth, ownText, stepsOf } from './xml-place.ts';

/**
 * A place of a received document, for maps with `syntax: xml`. Steps are local names of the element's own namespace.
 */
export function readXmlTree(root: XmlElement): TreeReader {
  return new ElementPlace(root, root.ns, undefined, root.local, 0);
}

/**
 * An element below `root` by a path of local names: `Result/ReturnCode`; `.` is the root. First repetitions all the
 * way.
 */
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
