import { compileMappings, type MappingSet } from './mapping-set.ts';
import { releasesFor, type MappingRelease, type Sender } from './release.ts';
import type { MappingFile } from './source-file.ts';

/** The mappings of a running feed: those of the configuration, and the releases over them. */
export interface ReleasedMappings {
  /** The set by which messages of a sender are read now. */
  of(sender: Sender): MappingSet;
  /**
   * Takes other releases from now on. The sets of everybody, and of whomever a release names, are compiled first.
   * @throws MappingProblems for releases that do not go together; then nothing has changed
   */
  use(releases: readonly MappingRelease[]): void;
  /** Compiles what a sender's set would be. @throws MappingProblems */
  rehearse(releases: readonly MappingRelease[]): MappingSet;
}

/**
 * @param base the configured mappings, compiled
 * @param files their files, in order
 */
export function createReleasedMappings(base: MappingSet, files: readonly MappingFile[]): ReleasedMappings {
  let now: readonly MappingRelease[] = [];
  let sets = new Map<string, MappingSet>();
  let bySender = new Map<string, MappingSet>();

  function rehearse(releases: readonly MappingRelease[]): MappingSet {
    return releases.length === 0
      ? base
      : compileMappings([...files, ...releases.flatMap((release) => release.files)]);
  }

  function setOf(releases: readonly MappingRelease[], known: Map<string, MappingSet>): MappingSet {
    const key = releases.map(({ number }) => number).join();
    const set = known.get(key) ?? rehearse(releases);
    known.set(key, set);
    return set;
  }

  return {
    rehearse,
    of(sender) {
      if (now.length === 0) return base;
      const key = `${sender.source}\n${sender.sender}`;
      const known = bySender.get(key);
      if (known) return known;
      const set = setOf(releasesFor(now, sender), sets);
      bySender.set(key, set);
      return set;
    },
    use(releases) {
      const compiled = new Map<string, MappingSet>();
      for (const name of new Set(['', ...releases.flatMap(({ steps }) => steps.at(-1)?.senders ?? [])]))
        setOf(releasesFor(releases, { source: name, sender: name }), compiled);
      now = releases;
      sets = compiled;
      bySender = new Map();
    },
  };
}
