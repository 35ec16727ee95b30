/** What the API promises about searching; made from the contract. */
export interface SearchRules {
  /** Whether the API has resources of this type. */
  serves(type: string): boolean;
  /**
   * What is promised of a search parameter; undefined: it is not. `modifiers` without the colon (`exact`, `missing`);
   * naming the resource type of a reference (`subject:Patient`) and chaining to a promised parameter of a served type
   * need no entry.
   */
  parameter(type: string, name: string): { readonly modifiers: readonly string[] } | undefined;
  /** Whether `_include=type:parameter` is promised. */
  include(type: string, parameter: string): boolean;
  /**
   * Whether what resources of `source` refer to by a parameter may be searched by them (`_has`) and they be included
   * with it (`_revinclude`). Absent: never; then `_has` is an unknown parameter.
   */
  reverse?(source: string, parameter: string): boolean;
}

export interface ParseOptions {
  readonly rules: SearchRules;
  /** `Prefer: handling=`: an unknown parameter is an error, or left out and named. */
  readonly handling: 'strict' | 'lenient';
  /** This server's own base address, without a slash at its end: references to it are local ones. */
  readonly base?: string;
  /** `_count` above it is taken as it. */
  readonly maxCount: number;
  /**
   * Names of the parameters in which the `next` links of modern services go on; default: CONTINUATIONS. They are passed
   * on as they came. A legacy source refuses them, so that a switch between two pages is an error and not the first
   * page again.
   */
  readonly continuations?: readonly string[];
}

/** What widely used FHIR servers call the parameters of their `next` links. */
export const CONTINUATIONS: readonly string[] = [
  '_getpages',
  '_getpagesoffset',
  '_bundletype',
  '_pageId',
  '_pageToken',
  '_page_token',
  '_offset',
  '_skip',
  '_cursor',
  'ct',
  'page',
];
