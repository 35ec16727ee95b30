import { FicusError } from '../../src/errors.ts';
import type { Resource } from '../../src/fhir/types.ts';
import type { RunContext } from '../../src/mapping/run.ts';
import type { Clock, RequestContext, WriteAttempt } from '../../src/ports.ts';
import type { Calls } from './calls.ts';
import { deliver, outcomeUnknown } from './deliver.ts';
import { isPartial, readRecord } from './reading.ts';
import type { Operation } from './service.ts';
import { elementAt, elementsAt } from './tree.ts';
import { compileWriting } from './writing.ts';
import type { LeftOut, Write, Writing } from './writing.ts';
import { element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';

export interface WritesOptions {
  readonly calls: Calls;
  readonly operations: Iterable<Operation>;
  readonly run: RunContext;
  readonly clock: Clock;
}

/** Creates and updates, each applied once; `leftOut` and `attempt` as LegacySource has them. */
export interface Writes {
  /** The record as the service now holds it. */
  create(
    type: string,
    resource: Resource,
    context: RequestContext,
    leftOut: LeftOut,
    attempt: WriteAttempt | undefined,
  ): Promise<Resource>;
  /**
   * As create; undefined: there is no record of that number. In doubt it is done when the service holds it; else it is
   * sent onto the version that the service holds now.
   */
  update(
    type: string,
    number: string,
    resource: Resource,
    context: RequestContext,
    leftOut: LeftOut,
    attempt: WriteAttempt | undefined,
  ): Promise<Resource | undefined>;
}

/** Compiles the writes of a service. @throws Error naming what a file says that does not serve. */
export function createWrites({ calls, operations, run, clock }: WritesOptions): Writes {
  const writings = new Map<Operation, Writing>();
  for (const operation of operations) {
    if (/\.(create|update)$/.test(operation.endpoint))
      writings.set(operation, compileWriting(operation, run));
  }

  /** The answer that holds the record a create made, looked for by the number that went with it. */
  async function findMade(
    operation: Operation,
    write: Write,
    context: RequestContext,
  ): Promise<XmlElement | undefined> {
    const { file, type } = operation;
    const on = file.verify?.on;
    const number = write.sent.find(({ local }) => local === on)?.text;
    if (on === undefined || number === undefined)
      throw new FicusError('internal', 'A write went without a number to ask after it.');
    const answer = await calls.find(type, [{ path: on, text: number }], { count: '2' }, context);
    const finder = calls.operation(`${type}.search`);
    const record = answer && elementsAt(answer, finder.records).find((it) => write.isDone(it));
    if (!record && answer && isPartial(finder, answer)) throw partly(type);
    return record && element(record.ns, operation.records, [record]);
  }

  return {
    async create(type, resource, context, leftOut, attempt) {
      const operation = calls.operation(`${type}.create`);
      const write = writings.get(operation)!.create(resource, leftOut, attempt?.writeId);
      const body = await deliver(
        {
          send: (deadline) => calls.send(operation, write, { ...context, deadline }),
          askAfter: (deadline) => findMade(operation, write, { ...context, deadline }),
          late: ['duplicate'],
          doubtful: attempt?.doubtful,
        },
        clock,
        context,
      );
      return readRecord(operation, body, run, context.log);
    },

    async update(type, number, resource, context, leftOut, attempt) {
      const operation = calls.operation(`${type}.update`);
      const reader = calls.operation(`${type}.read`);
      const current = await calls.get(type, number, context);
      if (!current) return undefined;
      const record = elementAt(current, reader.records);
      if (!record) throw new FicusError('legacy-malformed', `The legacy service answered without a ${type}.`);
      if (isPartial(reader, current)) throw partly(type);
      const write = writings.get(operation)!.update(resource, number, record, leftOut);
      if (!write) return readRecord(reader, current, run, context.log);
      if (attempt?.doubtful === 'ask-only') throw outcomeUnknown(undefined);
      const body = await deliver(
        {
          send: (deadline) => calls.send(operation, write, { ...context, deadline }),
          async askAfter(deadline) {
            const now = await calls.get(type, number, { ...context, deadline });
            const held = now && elementAt(now, reader.records);
            return held && write.isDone(held) ? now : undefined;
          },
          late: ['version-conflict', 'conflict'],
          doubtful: attempt?.doubtful,
        },
        clock,
        context,
      );
      return readRecord(operation, body, run, context.log);
    },
  };
}

/** What is not known in full cannot be changed: the parts that are missing would be taken for removed. */
function partly(type: string): FicusError {
  return new FicusError(
    'incomplete',
    `The legacy service cannot give all of this ${type} now, so it cannot be changed safely.`,
    { retryAfter: 30 },
  );
}
