import { FicusError } from '../../src/errors.ts';
import type { Endpoint } from '../../src/fhir/types.ts';
import type { RequestContext } from '../../src/ports.ts';
import type { Criterion } from './criteria.ts';
import type { Exchanger, Outcome } from './exchange.ts';
import { requestBody } from './request.ts';
import type { Facts } from './request.ts';
import type { Operation } from './service.ts';
import type { XmlElement } from './xml-element.ts';
import type { Write } from './writing.ts';

/** The calls that a service takes, by endpoint. A body is that of an answer that says it was done. */
export interface Calls {
  /** @throws FicusError `not-implemented` */
  operation(endpoint: Endpoint): Operation;
  /** The answer that holds one record, by its number; undefined: there is none. */
  get(type: string, number: string, context: RequestContext): Promise<XmlElement | undefined>;
  /** The answer that holds a page of records; undefined: there are none. */
  find(
    type: string,
    criteria: readonly Criterion[],
    facts: Facts,
    context: RequestContext,
  ): Promise<XmlElement | undefined>;
  /** Sends a write once. */
  send(operation: Operation, write: Write, context: RequestContext): Promise<Outcome>;
}

export function createCalls(
  name: string,
  operations: ReadonlyMap<Endpoint, Operation>,
  exchange: Exchanger,
): Calls {
  function operation(endpoint: Endpoint): Operation {
    const found = operations.get(endpoint);
    if (!found) throw new FicusError('not-implemented', `${name} cannot do ${endpoint}.`);
    return found;
  }

  async function ask(
    { request, file }: Operation,
    on: 'read' | 'search',
    body: XmlElement,
    context: RequestContext,
  ): Promise<XmlElement | undefined> {
    const { operation: asked, action = '' } = request;
    const outcome = await exchange({ operation: asked, action, body, response: file.response, on, context });
    if (outcome.kind === 'done') return outcome.body;
    if (outcome.kind === 'empty' || outcome.error.code === 'not-found') return undefined;
    throw outcome.error;
  }

  return {
    operation,
    get(type, number, context) {
      const reader = operation(`${type}.read`);
      return ask(reader, 'read', requestBody(reader.request, { number }, []), context);
    },
    find(type, criteria, facts, context) {
      const finder = operation(`${type}.search`);
      return ask(finder, 'search', requestBody(finder.request, facts, criteria), context);
    },
    send({ file }, { operation: asked, action, body, answer }, context) {
      const response = { ...file.response, element: answer };
      return exchange({ operation: asked, action, body, response, on: 'write', context });
    },
  };
}
