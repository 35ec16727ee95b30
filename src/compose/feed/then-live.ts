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
 * feed never told of goes to the core at once, and so does a search by `_id` or `identifier` that finds nothing. When
 * the core cannot be asked, the projection answers all the same; a search says so. The pages of a search come from
 * where its first one came from. Versions are the projection's alone.
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
      if (request.query?.page !== undefined) return goneOn(request, context);
      const seconds = age();
      if (seconds !== undefined && seconds <= olderThanSeconds)
        return interaction === 'read' ? told(request, context) : found(request, context);
      return asked(request, context);
    },
  };

  /** Each side opens its own page tokens only. */
  async function goneOn(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    try {
      return await projection.handle(request, context);
    } catch (error) {
      if (!(error instanceof FicusError) || error.code !== 'parameter-invalid') throw error;
      return live.handle(request, context);
    }
  }

  async function found(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    const answer = await projection.handle(request, context);
    if (!namesOne(request) || !isEmpty(answer)) return answer;
    try {
      return await live.handle(request, context);
    } catch (error) {
      if (!(error instanceof FicusError)) throw error;
      return saying(answer, OLD);
    }
  }

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
      return saying(answer, OLD);
    }
  }
}

/** A read by another name: `Patient?identifier=…`. */
function namesOne({ query }: FhirRequest): boolean {
  const names = query?.filters.filter(({ modifier, chain, has }) => !modifier && !chain && !has) ?? [];
  return names.some(({ name }) => name === '_id' || name === 'identifier');
}

function isEmpty({ body }: FhirResponse): boolean {
  return body.kind === 'searchset' && body.set.matches.length === 0 && (body.set.total ?? 0) === 0;
}

function saying(answer: FhirResponse, issue: Issue): FhirResponse {
  if (answer.body.kind !== 'searchset') return answer;
  const { set } = answer.body;
  return { ...answer, body: { kind: 'searchset', set: { ...set, issues: [...set.issues, issue] } } };
}
