import { FicusError } from '../../errors.ts';
import type { ProcessorClient } from '../../events/feed/processor-client.ts';
import type { InboxLedger, ParkReason } from '../../feed-ports.ts';
import { isUsedFor, refusalOf, stateOf } from '../../mapping/release.ts';
import type { MappingRelease, ReleaseAct, ReleaseStep, ReleaseStore } from '../../mapping/release.ts';
import type { MappingFile } from '../../mapping/source-file.ts';
import type { Clock, Logger } from '../../ports.ts';

/** What a release would do to messages that came lately. */
export interface ReleaseEffect {
  /** Messages that were looked at. */
  readonly messages: number;
  /**
   * Messages whose resources would change, stay, be parked now though they were not; and those of which nothing can be
   * said (their bytes are gone, say).
   */
  readonly changed: number;
  readonly unchanged: number;
  readonly newlyParked: number;
  readonly unknown: number;
  /** Messages that are parked, and would not be. */
  readonly freed: number;
  /** Fields that were in a resource, and would not be. */
  readonly lost: readonly string[];
  /** Fields that were in no resource, and would be. */
  readonly gained: readonly string[];
}

/**
 * The releases of mappings of a running feed. Each method rejects with FicusError `not-found`, `conflict`,
 * `unprocessable`.
 */
export interface Releases {
  list(): readonly MappingRelease[];
  propose(
    files: readonly MappingFile[],
    by: { readonly by: string; readonly reason: string },
  ): Promise<MappingRelease>;
  /** Signs a release off, publishes it (to some senders, or to all), or takes it back. */
  act(
    number: number,
    act: Exclude<ReleaseAct, 'propose'>,
    by: { readonly by: string; readonly reason: string },
    senders?: readonly string[],
  ): Promise<Acted>;
  /** What a release would do, were it live. Nothing is done. */
  effect(number: number, limit: number): Promise<ReleaseEffect>;
}

export interface Acted {
  readonly release: MappingRelease;
  /** Parked messages that are processed again, for what they waited for may be there now. */
  readonly requeued: number;
}

export interface ReleasesOptions {
  readonly store: ReleaseStore;
  readonly processor: Pick<ProcessorClient, 'use' | 'check' | 'coverage' | 'rehearse' | 'replay'>;
  readonly ledger: Pick<InboxLedger, 'list'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a message may be parked for that other mappings mend. */
const MENDED: readonly ParkReason[] = ['mapping-needed', 'not-supported'];
/** Most messages that are processed again at once after a step. */
const REQUEUED = 10_000;

/** @param loaded what the store held when the processor was started with it */
export function createReleases(loaded: readonly MappingRelease[], options: ReleasesOptions): Releases {
  const { store, processor, ledger, clock, log } = options;
  let releases = loaded;

  function find(number: number): MappingRelease {
    const found = releases.find((release) => release.number === number);
    if (!found) throw new FicusError('not-found', 'There is no such release.');
    return found;
  }

  const stepOf = (act: ReleaseAct, { by, reason }: { by: string; reason: string }): ReleaseStep => ({
    act,
    by,
    reason,
    at: new Date(clock.now()).toISOString(),
  });
  /** All releases, one of them as given. */
  const withRelease = (one: MappingRelease): readonly MappingRelease[] =>
    [...releases.filter(({ number }) => number !== one.number), one].toSorted((a, b) => a.number - b.number);
  /** As if a release were live. */
  const asLive = (one: MappingRelease): readonly MappingRelease[] =>
    withRelease({ ...one, steps: [...one.steps, stepOf('publish', { by: '', reason: '' })] });

  async function keep(release: MappingRelease): Promise<void> {
    if (!(await store.keep(release)))
      throw new FicusError('conflict', 'Somebody else did something with this release meanwhile.');
    releases = withRelease(release);
  }

  /** @param laws whether what is read and written back is measured as well */
  async function refuseBroken(then: readonly MappingRelease[], laws: boolean): Promise<void> {
    const used = then.filter((one) => stateOf(one) === 'live' || stateOf(one) === 'canary');
    const problems = await processor.check(used, laws);
    if (problems.length === 0) return;
    throw new FicusError('unprocessable', 'These mappings cannot be used.', {
      issues: problems.map((diagnostics) => ({ severity: 'error', code: 'processing', diagnostics })),
    });
  }

  /** Messages that wait for mappings, of senders for whom the release is used. */
  async function requeue(release: MappingRelease): Promise<number> {
    const parked = MENDED.flatMap((reason) => ledger.list({ states: ['parked'], reason, limit: REQUEUED }));
    const seqs = parked.filter((record) => isUsedFor(release, record)).map(({ seq }) => seq);
    return seqs.length === 0 ? 0 : processor.replay({ seqs });
  }

  return {
    list: () => releases,

    async propose(files, by) {
      const number = (releases.at(-1)?.number ?? 0) + 1;
      const named = files.map(({ path, text }) => ({ path: `release ${number}: ${path}`, text }));
      const release = { number, files: named, steps: [stepOf('propose', by)] };
      await refuseBroken(asLive(release), true);
      await keep(release);
      return release;
    },

    async act(number, act, by, senders) {
      const release = find(number);
      const why = refusalOf(release, act, by.by);
      if (why !== undefined) throw new FicusError('conflict', `Release ${number}: ${why}.`);
      const step = { ...stepOf(act, by), ...(act === 'publish' && senders ? { senders } : {}) };
      const next = { ...release, steps: [...release.steps, step] };
      // What was lawful when it was proposed may be so no more among those that came since; what goes must leave the
      // others whole, at once.
      if (act !== 'sign') await refuseBroken(withRelease(next), act === 'publish');
      await keep(next);
      log.info('A release of mappings moved', { by: by.by, reason: by.reason, state: stateOf(next), version: number }); // prettier-ignore
      if (act === 'sign') return { release: next, requeued: 0 };
      await processor.use(releases);
      return { release: next, requeued: await requeue(next) };
    },

    async effect(number, limit) {
      const filter = { states: ['processed', 'parked'] as const, newestFirst: true, limit };
      const as = asLive(find(number));
      const seqs = ledger.list(filter).map(({ seq }) => seq);
      const rehearsed = await processor.rehearse({ seqs }, false, as);
      const [before, after] = [await processor.coverage(filter), await processor.coverage(filter, as)];
      const count = (test: (one: (typeof rehearsed)[number]) => boolean): number => rehearsed.filter(test).length; // prettier-ignore
      return {
        messages: rehearsed.length,
        changed: count(({ would }) => would === 'change'),
        unchanged: count(
          ({ would, state }) => would === 'nothing' || (would === 'parked' && state === 'parked'),
        ),
        newlyParked: count(({ would, state }) => would === 'parked' && state !== 'parked'),
        unknown: count(({ would }) => would === 'impossible'),
        freed: count(
          ({ would, state }) => would !== 'parked' && would !== 'impossible' && state === 'parked',
        ),
        lost: fewer(after, before),
        gained: fewer(before, after),
      };
    },
  };
}

type Coverage = Awaited<ReturnType<ProcessorClient['coverage']>>;

/** Fields of which fewer are in a resource in `one` than in `other`. */
function fewer(one: Coverage, other: Coverage): string[] {
  const told = ({ fates }: Coverage['fields'][number]): number => (fates.mapped ?? 0) + (fates.partly ?? 0);
  const known = new Map(one.fields.map((field) => [field.field, told(field)]));
  return other.fields
    .filter((field) => (known.get(field.field) ?? 0) < told(field))
    .map(({ field }) => field);
}
