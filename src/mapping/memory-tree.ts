import { valued, type Step, type TreeReader, type TreeText, type TreeWriter } from './tree.ts';

/** `hl7`: a place without parts is its own first part, and a removed field is `""`. `xml`: elements and attributes. */
export type TreeFlavour = 'hl7' | 'xml';

interface Cell {
  text: TreeText;
  readonly children: Map<Step, Cell[]>;
}

/**
 * A legacy tree in plain memory: for generated data (`ficus map check`) and for building a structure before it is
 * encoded. Depth of fields in an `hl7` tree: group, segment (a name), field (a number), component, subcomponent.
 */
export function createMemoryTree(flavour: TreeFlavour): TreeWriter {
  return new MemoryPlace(flavour, undefined, '', 0);
}

/** One place; holds its cell only when it is the root, and finds it from there otherwise. */
class MemoryPlace implements TreeWriter {
  readonly #flavour: TreeFlavour;
  private readonly parent: MemoryPlace | undefined;
  readonly #step: Step;
  readonly #index: number;
  readonly #root: Cell | undefined;

  constructor(flavour: TreeFlavour, parent: MemoryPlace | undefined, step: Step, index: number) {
    this.#flavour = flavour;
    this.parent = parent;
    this.#step = step;
    this.#index = index;
    this.#root = parent ? undefined : emptyCell();
  }

  private cell(): Cell | undefined {
    if (this.#root) return this.#root;
    const above = this.parent?.cell();
    if (!above) return undefined;
    if (this.#isFirstPart(above)) return above;
    return above.children.get(this.#step)?.[this.#index];
  }

  /** HL7: the first part of a place without parts is the place itself. */
  #isFirstPart(above: Cell): boolean {
    return (
      this.#flavour === 'hl7' &&
      this.#step === 1 &&
      this.#index === 0 &&
      above.children.size === 0 &&
      above.text !== undefined
    );
  }

  #make(): Cell {
    if (this.#root) return this.#root;
    const above = this.parent!.#make();
    if (above.text !== undefined && typeof this.#step === 'number') {
      above.children.set(1, [{ text: above.text, children: new Map() }]);
      above.text = undefined;
    }
    let list = above.children.get(this.#step);
    if (!list) above.children.set(this.#step, (list = []));
    while (list.length <= this.#index) list.push(emptyCell());
    return list[this.#index]!;
  }

  text(): TreeText {
    const here = this.cell();
    let cell = here;
    while (cell && cell.text === undefined && this.#flavour === 'hl7') cell = cell.children.get(1)?.[0];
    if (cell || !here || this.#flavour === 'xml' || typeof this.#step === 'string') return cell?.text;
    return '';
  }

  count(step: Step): number {
    const cell = this.cell();
    if (!cell) return 0;
    if (this.#flavour === 'hl7' && step === 1 && cell.children.size === 0)
      return cell.text === undefined ? 0 : 1;
    return cell.children.get(step)?.length ?? 0;
  }

  child(step: Step, index = 0): MemoryPlace {
    return new MemoryPlace(this.#flavour, this, step, index);
  }

  steps(): readonly Step[] {
    const cell = this.cell();
    if (!cell) return [];
    const filled = [...cell.children].filter(([, list]) => list.some(holds)).map(([step]) => step);
    return filled.every((step) => typeof step === 'number') ? filled.sort((a, b) => a - b) : filled;
  }

  filled(): boolean {
    const cell = this.cell();
    return cell !== undefined && holds(cell);
  }

  location(): string {
    if (!this.parent) return '';
    const above = this.parent.location();
    const repetition = this.#index === 0 ? '' : `[${this.#index + 1}]`;
    if (above === '') return `${this.#step}${repetition}`;
    const isField = this.#flavour === 'hl7' && typeof this.parent.#step === 'string';
    const separator = this.#flavour === 'xml' ? '/' : isField ? '-' : '.';
    return `${above}${separator}${this.#step}${repetition}`;
  }

  set(text: string): void {
    const cell = this.#make();
    cell.text = text;
    cell.children.clear();
  }

  clear(): void {
    const cell = this.cell();
    const above = this.parent?.cell();
    if (!cell || !above || (cell.children.size === 0 && (cell.text ?? '') === '' && cell.text !== null))
      return;
    if (this.#flavour === 'xml') {
      const list = above.children.get(this.#step);
      list?.splice(this.#index, 1);
      if (list?.length === 0) above.children.delete(this.#step);
      return;
    }
    const inSegment =
      this.parent !== undefined && typeof this.parent.#step === 'string' && this.parent.#step !== '';
    if (typeof this.#step !== 'number') return;
    cell.children.clear();
    cell.text = inSegment ? null : '';
  }

  arrange(step: Step, sources: readonly (number | undefined)[]): void {
    if (sources.length === 0 && this.count(step) === 0) return;
    const cell = this.#make();
    const present =
      step === 1 && cell.children.size === 0 && cell.text !== undefined
        ? [{ text: cell.text, children: new Map() }]
        : (cell.children.get(step) ?? []);
    const next = sources.map((source) =>
      source === undefined ? emptyCell() : (present[source] ?? emptyCell()),
    );
    cell.children.set(step, next);
    if (step === 1) cell.text = undefined;
    if (next.length === 0) cell.children.delete(step);
  }

  order(steps: readonly Step[]): void {
    const cell = this.#flavour === 'xml' ? this.cell() : undefined;
    if (!cell) return;
    const children = [...cell.children];
    const rank = (step: Step): number => (steps.includes(step) ? steps.indexOf(step) : steps.length);
    children.sort(([a], [b]) => rank(a) - rank(b));
    cell.children.clear();
    for (const [step, list] of children) cell.children.set(step, list);
  }
}

function emptyCell(): Cell {
  return { text: undefined, children: new Map() };
}

function holds(cell: Cell): boolean {
  if (valued(cell.text) || cell.text === null) return true;
  for (const list of cell.children.values()) if (list.some(holds)) return true;
  return false;
}

/** A copy of a tree's filled places, as nested text: to compare two trees. */
export function snapshot(place: TreeReader): unknown {
  const steps = place.steps();
  if (steps.length === 0) {
    const text = place.text();
    return text === '' ? undefined : text;
  }
  if (steps.length === 1 && steps[0] === 1 && place.count(1) === 1) return snapshot(place.child(1));
  return Object.fromEntries(
    steps.map((step) => [
      String(step),
      Array.from({ length: place.count(step) }, (_, index) => snapshot(place.child(step, index))),
    ]),
  );
}
