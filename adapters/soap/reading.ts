import { FicusError } from '../../src/errors.ts';
import type { Issue } from '../../src/errors.ts';
import type { JsonObject, Resource } from '../../src/fhir/types.ts';
import { logLostValues } from '../../src/mapping/lost-values.ts';
import { readTree } from '../../src/mapping/run-map.ts';
import type { Loss, RunContext } from '../../src/mapping/run.ts';
import type { Logger } from '../../src/ports.ts';
import { sayAbsent } from './required.ts';
import type { Operation } from './service.ts';
import { elementsAt, readXmlTree, textAt } from './tree.ts';
import type { XmlElement } from './xml-element.ts';

/** The records of an answer as resources. */
export interface Records {
  readonly resources: readonly Resource[];
  /** What the service says it could not give, and what of a record could not be read. */
  readonly issues: readonly Issue[];
}

/** Reads every record of an answer. */
export function readRecords(operation: Operation, body: XmlElement, run: RunContext, log: Logger): Records {
  const resources: Resource[] = [];
  const losses: Loss[] = [];
  let unreadable = 0;
  for (const record of elementsAt(body, operation.records)) {
    const { resource, loss } = readTree(operation.map, readXmlTree(record), run);
    const lacking = resource ? sayAbsent(resource) : [];
    if (resource?.id !== undefined && lacking.length === 0) resources.push(resource);
    // Without a number, a status, or whose it is, a record cannot be given.
    else unreadable += 1;
    for (const one of loss) losses.push(one);
  }
  logLostValues(operation.type, losses, log);
  const issues = [...warningsOf(operation, body)];
  if (unreadable > 0) issues.push(incomplete('Records that could not be read were left out.'));
  return { resources, issues };
}

/**
 * The one record of an answer. Where the service says that parts of it are missing, it is tagged SUBSETTED (FHIR R4
 * resource.html#subsetted).
 * @throws FicusError `legacy-malformed` when there is none that can be read.
 */
export function readRecord(operation: Operation, body: XmlElement, run: RunContext, log: Logger): Resource {
  const { resources, issues } = readRecords(operation, body, run, log);
  const [resource, ...others] = resources;
  if (!resource || others.length > 0)
    throw new FicusError(
      'legacy-malformed',
      `The legacy service answered without one readable ${operation.type}.`,
    );
  return issues.length === 0 ? resource : subsetted(resource);
}

function subsetted(resource: Resource): Resource {
  const { resourceType, id, meta, ...content } = resource;
  const tag = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }];
  return {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: { ...(meta as JsonObject | undefined), tag },
    ...content,
  };
}

/** Whether the service did only a part. */
export function isPartial(operation: Operation, body: XmlElement): boolean {
  return warningsOf(operation, body).length > 0;
}

/** A partial success in our words: the service's own may hold patient data. */
function warningsOf({ file }: Operation, body: XmlElement): Issue[] {
  const { warnings, warningCode, warningSource, status } = file.response;
  const text = (warning: XmlElement, path: string | undefined) =>
    path === undefined ? undefined : plain(textAt(warning, path));
  const said = warnings === undefined ? [] : elementsAt(body, warnings);
  const issues = said.map((warning) => {
    const code = text(warning, warningCode);
    const source = text(warning, warningSource);
    const where = source === undefined ? '' : ` Source: ${source}.`;
    return incomplete(
      `The legacy service could not give all it has${code === undefined ? '' : ` (${code})`}.${where}`,
    );
  });
  const returned = textAt(body, status!);
  const isPart = returned !== undefined && returned !== file.response.done[0];
  return issues.length === 0 && isPart
    ? [incomplete('The legacy service could not give all it has.')]
    : issues;
}

/** Codes and names of sources, as they may be shown; a text is none. */
function plain(code: string | undefined): string | undefined {
  return code !== undefined && /^[A-Za-z0-9_.-]{1,40}$/.test(code) ? code : undefined;
}

function incomplete(diagnostics: string): Issue {
  return { severity: 'warning', code: 'incomplete', diagnostics };
}
