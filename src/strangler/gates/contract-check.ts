import { FicusError, toFicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Backend, Clock, FhirRequest, Logger, RequestContext } from '../../ports.ts';
import { readAnswer } from './contract-answer.ts';
import type { CheckedAnswer } from './contract-answer.ts';
import { casesOf } from './contract-cases.ts';
import type { ContractCase, EndpointPromise } from './contract-cases.ts';

/** What the contract tests of a backend said. */
export interface ContractCheck {
  readonly backend: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** What was tested. */
  readonly endpoints: readonly Endpoint[];
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly words: string }[];
}

export interface ContractCheckOptions {
  readonly name: string;
  readonly backend: Backend;
  /** Every endpoint that the backend serves and the contract promises. */
  readonly promises: readonly EndpointPromise[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest that one request may take, in milliseconds; default 5,000. */
  readonly deadlineMs?: number;
}

/**
 * Puts a fixed, small set of questions to a backend, one after the other: whether it says 404 for what it does not
 * have, answers every promised search parameter (and does not leave it out in silence), refuses a parameter nobody
 * promised, refuses writes that FHIR R4 says must be refused, and whether what it holds is valid FHIR R4. It changes no
 * data of a backend that keeps to http.html.
 *
 * Never rejects: a backend that does not answer has failed.
 */
export async function checkContract(options: ContractCheckOptions): Promise<ContractCheck> {
  const { name, promises, clock, log } = options;
  const failed: { name: string; words: string }[] = [];
  let passed = 0;
  for (const contractCase of promises.flatMap(casesOf)) {
    const words = await ask(contractCase, options);
    if (words === undefined) passed += 1;
    else failed.push({ name: contractCase.name, words });
  }
  log.info('the contract tests of a backend have run', {
    backend: name,
    count: passed + failed.length,
    state: failed.length === 0 ? 'passed' : 'failed',
  });
  return {
    backend: name,
    at: clock.now(),
    endpoints: promises.map(({ endpoint }) => endpoint),
    passed,
    failed,
  };
}

async function ask(
  { request, judge }: ContractCase,
  options: ContractCheckOptions,
): Promise<string | undefined> {
  const { clock, deadlineMs = 5_000 } = options;
  const controller = new AbortController();
  const cancel = clock.after(deadlineMs, () =>
    controller.abort(new FicusError('timeout', 'no answer in time')),
  );
  try {
    return judge(
      await answerOf(request, options, contextOf(options, controller.signal, clock.now() + deadlineMs)),
    );
  } catch (error) {
    const { code, message } = toFicusError(error);
    return `no usable answer: ${code}, ${message}`;
  } finally {
    cancel();
  }
}

/** A refusal is an answer, whichever way a backend says it. */
async function answerOf(
  request: FhirRequest,
  { backend }: ContractCheckOptions,
  context: RequestContext,
): Promise<CheckedAnswer> {
  try {
    return await readAnswer(await backend.handle(request, context));
  } catch (error) {
    if (error instanceof FicusError && error.status < 500) return { status: error.status, explained: true };
    throw error;
  }
}

function contextOf({ log }: ContractCheckOptions, signal: AbortSignal, deadline: number): RequestContext {
  const id = crypto.randomUUID();
  return {
    requestId: `contract-check-${id}`,
    traceparent: `00-${id.replaceAll('-', '')}-${id.slice(-12)}0001-00`,
    principal: { key: 'ficus-contract-check' },
    signal,
    deadline,
    log,
    timing: () => {},
  };
}
