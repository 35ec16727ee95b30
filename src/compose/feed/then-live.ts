import { FicusError } from '../../errors.ts';
import type { Issue } from '../../errors.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../../ports.ts';

export interface ThenLiveOptions {
  /** Age in seconds of what the feed has told from which on the core is asked instead. */
  readonly olderThanSeconds: number;
  /** How old what the projection answers may be, in seconds; undefined: nothing was told yet. */
  readonly age: () => number | undefined;
}

const OLD: Issue = {
  severity: 'warning',
  code: 'incomplete',
  diagnostics:
    'The system that holds the data could not be asked. This is what it had told before; the Age header says how long ago that may be.',
};

/**
 * Projection, then live: what the feed has told while that is young enough, else what the core says. A read of what the
 * feed never told of goes to the core at once. When the core cannot be asked, the projection answers all the same; a
 * search says so. Versions are the projection's alone.
 */
export function thenLive(
  projection: Backend,
  live: Backend,
  { olderThanSeconds, age }: ThenLiveOptions,
): Backend {
  return {
    async handle(request, context) {
      const { interaction } = request;
      if (interaction !== 'read' && interaction !== 'search') return projection.handle(request, context);
      const seconds = age();
      if (seconds !== undefined && seconds <= olderThanSeconds)
        return interaction === 'read' ? told(request, context) : projection.handle(request, context);
      return asked(request, context);
    },
  };

  async function told(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    try {
      return await projection.handle(request, context);
    } catch (error) {
      if (!(error instanceof FicusError) || error.code !== 'not-found') throw error;
      return live.handle(request, context);
    }
  }

  async function asked(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    try {
      return await live.handle(request, context);
    } catch (error) {
      if (!(error instanceof FicusError) || ![502, 503, 504].includes(error.status)) throw error;
      const answer = await projection.handle(request, context).catch(() => undefined);
      // What the core said of itself is more to the point than that nobody told of it.
      if (!answer) throw error;
      if (answer.body.kind !== 'searchset') return answer;
      const { set } = answer.body;
      return { ...answer, body: { kind: 'searchset', set: { ...set, issues: [...set.issues, OLD] } } };
    }
  }
}
