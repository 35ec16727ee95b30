import { FicusError } from '../errors.ts';
import type { Resource } from '../fhir/types.ts';
import type { FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { resourceOf } from '../search/ask.ts';
import type { Permission } from '../security-ports.ts';
import { withBody } from './enforce-answer.ts';
import type { Turn } from './enforce-answer.ts';
import type { Sight } from './visible.ts';

export interface WriteAnswerOptions {
  readonly sight: Sight;
  /** Largest answer of a modern service that is looked at, in bytes. */
  readonly maxBytes: number;
}

/** Of these one lets a caller see what it wrote. */
export const SEEING: readonly Permission[] = ['r', 's'];

/** The answer to a write, without a resource that the caller may write but not read. */
export function createWriteAnswers({
  sight,
  maxBytes,
}: WriteAnswerOptions): (response: FhirResponse, turn: Turn) => Promise<FhirResponse> {
  return async (response, { access, request }) => {
    const { body, status, headers } = response;
    if (body.kind === 'none' || status >= 300) return response;
    const resource = body.kind === 'searchset' ? undefined : await contentOf(response);
    if (resource?.resourceType === 'OperationOutcome')
      return withBody(response, { kind: 'resource', resource });
    const verdict = resource && sight.judge(access, resource, SEEING);
    if (resource && verdict === 'seen') return withBody(response, { kind: 'resource', resource });
    // 200 to a create says that there was something: where that may not be known of, not where it is.
    const silent = status === 200 && request.interaction === 'create';
    if (silent && !resource) throw unclear(response);
    const kept = Object.entries(headers).filter(
      ([name]) => !name.startsWith('content-') && (!silent || (name !== 'location' && name !== 'etag')),
    );
    return { ...response, headers: Object.fromEntries(kept), body: { kind: 'none' } };
  };

  /** What a write was answered with; undefined: that cannot be read. That it was done stands. */
  async function contentOf(response: FhirResponse): Promise<Resource | undefined> {
    const { body } = response;
    if (body.kind === 'resource') return body.resource;
    return resourceOf({ ...response, status: 200 }, maxBytes).catch(() => undefined);
  }
}

/** A create is done with 201. With 200 what came says what was meant, and here nobody can read it. */
function unclear({ servedBy }: FhirResponse): FicusError {
  return new FicusError(
    'outcome-unknown',
    `${servedBy} answered a create with HTTP status 200 and something that cannot be read; whether it was done is unknown.`,
  );
}

/**
 * Judges the stored answer of a write before it is given again: a label or a consent may have come since. Status and
 * `Location` stand.
 */
export function createRepeats({
  sight,
  maxBytes = 16 * 1024 * 1024,
}: Pick<WriteAnswerOptions, 'sight'> & Partial<WriteAnswerOptions>): (
  response: FhirResponse,
  request: FhirRequest,
  context: RequestContext,
) => Promise<FhirResponse> {
  const answerTo = createWriteAnswers({ sight, maxBytes });
  return async (response, request, context) => {
    const { access } = context.principal;
    if (!access || sight.isClear(access, request.type, SEEING)) return response;
    return answerTo(response, { request, context, access });
  };
}
