import type { OperationHandler } from '../../http/admin-contract.ts';
import type { AdminRequest } from '../../http/admin.ts';
import { stateOf } from '../../mapping/release.ts';
import type { MappingRelease, ReleaseAct } from '../../mapping/release.ts';
import type { MappingFile } from '../../mapping/source-file.ts';
import { wholeNumber } from './following-desk.ts';
import type { Releases } from './releases.ts';

interface Signed {
  readonly by: string;
  readonly reason: string;
}

/** Newest messages that the effect of a release is worked out of, when nothing is said; and at most. */
const LOOKED_AT = 1_000;
const MOST_LOOKED_AT = 10_000;

/** Releases of mappings: operations of contracts/admin-api.yaml by their ids. */
export function releaseOperations({
  releasesOf,
}: {
  readonly releasesOf: () => Releases;
}): Record<string, OperationHandler> {
  const act = (which: Exclude<ReleaseAct, 'propose'>): OperationHandler => {
    return async (request) => {
      const { by, reason, senders } = request.body as unknown as Signed & { senders?: readonly string[] };
      const { release, requeued } = await releasesOf().act(numberOf(request), which, { by, reason }, senders);
      return { body: { release: viewOf(release), requeued } };
    };
  };
  return {
    listReleases: () => ({ body: { releases: releasesOf().list().map(viewOf) } }),
    proposeRelease: async ({ body }) => {
      const { by, reason, files } = body as unknown as Signed & { files: readonly MappingFile[] };
      return { status: 201, body: viewOf(await releasesOf().propose(files, { by, reason })) };
    },
    signRelease: act('sign'),
    publishRelease: act('publish'),
    revertRelease: act('revert'),
    releaseEffect: async (request) => {
      const { limit } = request.query;
      const asked = limit === undefined ? LOOKED_AT : Math.min(MOST_LOOKED_AT, wholeNumber('limit', limit));
      return { body: await releasesOf().effect(numberOf(request), asked) };
    },
  };
}

function numberOf({ params }: AdminRequest): number {
  return wholeNumber('number', params['number'] ?? '');
}

function viewOf(release: MappingRelease) {
  const { number, files, steps } = release;
  return { number, state: stateOf(release), files: files.map(({ path }) => path), steps };
}
