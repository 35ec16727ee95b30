import type { CodeMap } from './code-map.ts';
import type { CompiledMap } from './compiled-map.ts';
import type { PathSyntax } from './tree-path.ts';
import type { Step } from './tree.ts';

/** What a pair of functions may ask of the mapping set when it is compiled. */
export interface ViaEnvironment {
  /** A code map by name; undefined when the set has none, which is reported. */
  readonly codes: (name: string) => CodeMap | undefined;
  /** A compiled map by name; undefined when the set has none, which is reported. */
  readonly map: (name: string) => CompiledMap | undefined;
  /** The path that the row's `with` gives a parameter; one that is missing is reported. */
  readonly path: (parameter: string) => readonly Step[];
  readonly syntax: PathSyntax;
  /** The last step of the row's place, for pairs that look at all its repetitions. */
  readonly step: Step;
}
