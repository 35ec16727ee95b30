import { isSamePerson } from '../person.ts';
import type { Signature } from '../ports.ts';
import type { MappingFile } from './source-file.ts';

/** What can be done with a release; each is kept, with who did it and why. */
export type ReleaseAct = 'propose' | 'sign' | 'publish' | 'revert';

/** How far a release has come. `canary`: it is used for some senders. */
export type ReleaseState = 'proposed' | 'signed' | 'canary' | 'live' | 'reverted';

export interface ReleaseStep extends Signature {
  readonly act: ReleaseAct;
  /** `publish` to some senders only. */
  readonly senders?: readonly string[];
}

/** Mapping files and overlays that are brought into a running feed together, over the configured ones. */
export interface MappingRelease {
  /** 1, 2, 3: later ones change what earlier ones say. */
  readonly number: number;
  readonly files: readonly MappingFile[];
  /** What was done with it, oldest first; the first is `propose`. */
  readonly steps: readonly ReleaseStep[];
}

/** Releases as they survive a restart. Nothing of them is ever forgotten. Each method is durable when it resolves. */
export interface ReleaseStore {
  /** All, in the order of their numbers. */
  load(): Promise<readonly MappingRelease[]>;
  /** Keeps a release as it is now; false when it has other steps than those before its last one: another was faster. */
  keep(release: MappingRelease): Promise<boolean>;
}

/** Who sends a message: the interface it came over, and its MSH-3 and MSH-4 as `APPLICATION|FACILITY`. */
export interface Sender {
  readonly source: string;
  readonly sender: string;
}

export function stateOf({ steps }: MappingRelease): ReleaseState {
  const last = steps.at(-1)!;
  if (last.act === 'propose') return 'proposed';
  if (last.act === 'sign') return 'signed';
  if (last.act === 'revert') return 'reverted';
  return last.senders ? 'canary' : 'live';
}

/** Why something must not be done with a release now, in words; undefined: it may. */
export function refusalOf(release: MappingRelease, act: ReleaseAct, by: string): string | undefined {
  const state = stateOf(release);
  if (act === 'propose') return 'it is proposed already';
  if (act === 'revert') return state === 'reverted' ? 'it is reverted already' : undefined;
  if (act === 'publish') {
    if (state === 'proposed') return 'it is not signed off yet';
    return state === 'reverted' ? 'it is reverted; propose it anew' : undefined;
  }
  if (state !== 'proposed') return `it is ${state}`;
  // One pair of eyes has seen it already.
  const proposer = release.steps[0]?.by ?? '';
  return isSamePerson(proposer, by) ? 'whoever proposed it cannot sign it off as well' : undefined;
}

/**
 * Whether a release is used for a sender: `canary` names interfaces, applications (MSH-3), or both names as
 * `APPLICATION|FACILITY`.
 */
export function isUsedFor(release: MappingRelease, { source, sender }: Sender): boolean {
  const state = stateOf(release);
  if (state === 'live') return true;
  if (state !== 'canary') return false;
  const senders = release.steps.at(-1)?.senders ?? [];
  return [source, sender, sender.split('|', 1)[0]!].some((name) => senders.includes(name));
}

/** The files of the releases that are used for a sender, in the order in which they count. */
export function releasesFor(releases: readonly MappingRelease[], sender: Sender): readonly MappingRelease[] {
  return releases.filter((release) => isUsedFor(release, sender));
}
