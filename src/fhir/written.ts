import type { SearchSet } from './search-query.ts';
import type { Resource } from './types.ts';

/** Texts of resources that were taken apart. A resource made of one is another object, and has none. */
const texts = new WeakMap<Resource, string>();
/** Matches of sets that nobody changed. A set made of one is another object: it is written from its `matches`. */
const unchanged = new WeakMap<SearchSet, readonly Written[]>();

/**
 * A resource whose JSON text is at hand. It is taken apart when somebody looks inside; whoever only sends it on writes
 * the text.
 */
export class Written {
  readonly resourceType: string;
  readonly id: string;
  readonly text: string;
  readonly #parse: (text: string) => Resource;
  #resource: Resource | undefined;

  /** @param parse takes the text apart; called at most once. */
  constructor(resourceType: string, id: string, text: string, parse: (text: string) => Resource) {
    this.resourceType = resourceType;
    this.id = id;
    this.text = text;
    this.#parse = parse;
  }

  /** The same object each time, not to be changed: its text stays what it is. */
  get resource(): Resource {
    if (!this.#resource) texts.set((this.#resource = this.#parse(this.text)), this.text);
    return this.#resource;
  }
}

/** JSON text of a resource: as it came, else made. */
export function textOf(resource: Resource | Written): string {
  if (resource instanceof Written) return resource.text;
  return texts.get(resource) ?? JSON.stringify(resource);
}

/** A search set whose matches are taken apart when somebody asks for `matches`. */
export function setOfWritten(matches: readonly Written[], rest: Omit<SearchSet, 'matches'>): SearchSet {
  let resources: readonly Resource[] | undefined;
  const set: SearchSet = {
    ...rest,
    get matches() {
      return (resources ??= matches.map(({ resource }) => resource));
    },
  };
  unchanged.set(set, matches);
  return set;
}

/** The matches of a set for those who do not look inside: not taken apart while nobody made another set of it. */
export function matchesOf(set: SearchSet): readonly (Resource | Written)[] {
  return unchanged.get(set) ?? set.matches;
}
