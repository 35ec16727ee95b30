import { hash } from 'node:crypto';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { answerWith } from './answer-with.ts';
import { findMatch } from './match.ts';
import type { Once } from './once.ts';

/**
 * `If-None-Exist` (FHIR R4 http.html#ccreate): none matches, create; one, 200 with it; more, `multiple-matches`. The
 * caller holds the lock of the criteria. A core may take a while until a search finds what was created, and an attempt
 * may have ended unknown: for that while the record of the attempt answers, so that nothing is created twice.
 */
export async function conditionalCreate(asked: {
  readonly next: Backend;
  readonly once: Once;
  /** Stands for the criteria. */
  readonly key: string;
  readonly criteria: SearchQuery;
  readonly request: FhirRequest;
  readonly context: RequestContext;
}): Promise<FhirResponse> {
  const { next, once, key, criteria, request, context } = asked;
  const match = await findMatch(next, criteria, context);
  if (match) return answerWith(match.resource, 200, match.servedBy);
  const { response, repeated } = await once.run({
    key: `none-exist:${hash('sha256', key, 'hex')}`,
    fingerprint: '',
    request,
    context,
    remember: 'success',
    first: request.attempt,
    isSame: ({ writeId }) => writeId === request.attempt?.writeId,
    execute: (detached, attempt) => next.handle(attempt ? { ...request, attempt } : request, detached),
  });
  return repeated && response.status === 201 ? { ...response, status: 200 } : response;
}
