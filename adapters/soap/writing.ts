import { randomUUID } from 'node:crypto';
import { FicusError } from '../../src/errors.ts';
import type { Issue } from '../../src/errors.ts';
import type { Resource } from '../../src/fhir/types.ts';
import { compileCondition } from '../../src/mapping/condition.ts';
import type { Condition } from '../../src/mapping/condition.ts';
import { readTree, writeTree } from '../../src/mapping/run-map.ts';
import { startRun } from '../../src/mapping/run.ts';
import type { Authority, Loss, RunContext } from '../../src/mapping/run.ts';
import { fillReferences } from './references.ts';
import type { Operation, SoapRequestFile } from './service.ts';
import { changedChildren, holds, isGone } from './record.ts';
import { draftXml, draftXmlOf } from './draft.ts';
import type { XmlDraft } from './draft.ts';
import { readXmlTree, textAt } from './tree.ts';
import { element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';

/** A write as it is sent. */
export interface Write {
  readonly operation: string;
  readonly action: string;
  readonly body: XmlElement;
  /** Local name of the element that answers. */
  readonly answer: string;
  /** The children of the record that are sent. */
  readonly sent: readonly XmlElement[];
  /** Whether a record, as the service now holds it, is what the write makes of it. */
  isDone(record: XmlElement): boolean;
}

/** How the writes of one endpoint are put together. */
export interface Writing {
  /** @throws FicusError `unmappable`, an issue for each element that the service cannot take. */
  create(resource: Resource): Write;
  /**
   * What makes the current record the resource; undefined: it is that already.
   * @throws FicusError as create
   */
  update(resource: Resource, number: string, current: XmlElement): Write | undefined;
}

type Part = Pick<SoapRequestFile, 'operation' | 'action' | 'element' | 'in' | 'set'> & {
  readonly answer: string;
  readonly order: readonly string[];
};
type Facts = (name: string) => string | undefined;
type Instead = SoapRequestFile['instead'][number] & { readonly condition: Condition };

/** Compiles a create or update. @throws Error naming what does not serve. */
export function compileWriting(operation: Operation, run: RunContext): Writing {
  const { request, map, records, file } = operation;
  const usual: Part = { ...request, answer: file.response.element ?? '', order: request.order ?? [] };
  const recordName = records.split('/').at(-1)!;
  const instead = request.instead.map((it): Instead => ({
    ...it,
    condition: compileCondition(it.when, 'xml', undefined),
  }));
  const mint = file.mint && mintingAuthority(file.mint, run.authorities);

  /** Runs the map over a draft. */
  function write(resource: Resource, draft: XmlDraft): void {
    const { loss } = writeTree(map, resource, draft.place, run);
    const lost = loss.filter(isLost).map(({ path }) => path);
    if (lost.length > 0) throw unmappable(lost);
  }

  /** The request, unless something of what is to be sent has no place in it. */
  function compose(part: Part, sent: readonly XmlElement[], facts: Facts): Write {
    const { namespace } = request;
    const homeless = sent.filter(({ local }) => !part.order.includes(local));
    if (homeless.length > 0) throw unmappable(homeless.flatMap(({ local }) => elementsOf(operation, local)));
    const fixed = Object.entries(part.set).flatMap(([name, text]) => {
      const said = text.startsWith('$') ? facts(text.slice(1)) : text;
      return said === undefined ? [] : [element(namespace, name, said)];
    });
    const ordered = part.order.flatMap((name) => sent.filter(({ local }) => local === name));
    const content = part.in === '.' ? ordered : [element(namespace, part.in, ordered)];
    return {
      operation: part.operation,
      action: part.action ?? '',
      body: element(namespace, part.element, [...fixed, ...content]),
      answer: part.answer,
      sent: ordered,
      isDone: (record) => holds(record, ordered),
    };
  }

  return {
    create(resource) {
      const draft = draftXml(request.namespace, recordName);
      const numbered = mint ? withNumber(resource, mint) : resource;
      write(fillReferences(numbered, undefined), draft);
      const written = compose(usual, draft.element().children, () => undefined);
      // Whatever carries a number of ours is what was sent with it.
      return numbered === resource ? written : { ...written, isDone: () => true };
    },
    update(resource, number, current) {
      const draft = draftXmlOf(current);
      const before = draftXmlOf(current);
      write(fillReferences(resource, readTree(map, readXmlTree(current), run).resource), draft);
      const changed = changedChildren(before.element(), draft.element()).filter(
        (child) => !(isGone(child) && request.keeps.includes(child.local)),
      );
      if (changed.length === 0) return undefined;
      const facts = (name: string): string | undefined =>
        name === 'number' ? number : name.startsWith('current/') ? textAt(current, name.slice(8)) : undefined;
      const { run: asking } = startRun(run);
      const other = instead.find(
        ({ condition }) => condition.holds(draft.place, asking) && !condition.holds(before.place, asking),
      );
      if (!other) return compose(usual, changed, facts);
      const sent = changed.filter(({ local }) => !other.implies.includes(local));
      const isThere = (record: XmlElement): boolean => other.condition.holds(readXmlTree(record), asking);
      return { ...compose(other, sent, facts), isDone: (record) => isThere(record) && holds(record, sent) };
    },
  };
}

/** What does not come back; and a code without a system that would become one of the service's own. */
function isLost({ kind, path }: Loss): boolean {
  return kind === 'not-carried' || (kind === 'added' && /\.coding\[\d+\]\.system$/.test(path));
}

function mintingAuthority(
  { authority: name }: { readonly authority: string },
  authorities: readonly Authority[],
): Authority {
  const authority = authorities.find((it) => it.name === name);
  if (!authority)
    throw new Error(`the assigning authority ${name}, whose numbers are ours, is not registered`);
  return authority;
}

/** A resource without a number of its client's gets one of ours, so that it can be asked after. */
function withNumber(resource: Resource, { system }: Authority): Resource {
  if (Array.isArray(resource['identifier']) && resource['identifier'].length > 0) return resource;
  return { ...resource, identifier: [{ system, value: randomUUID() }] };
}

/** The FHIR elements that a child of the record feeds. */
function elementsOf({ map, type }: Operation, child: string): string[] {
  const fed = map.rows.flatMap(({ row }) => {
    const from = [row.xml ?? '', ...Object.values(row.with ?? {})].map((path) => path.split('/')[0]);
    return row.fhir && from.includes(child) ? [`${type}.${/^\w+/.exec(row.fhir)?.[0] ?? ''}`] : [];
  });
  return fed.length === 0 ? [type] : [...new Set(fed)];
}

function unmappable(paths: readonly string[]): FicusError {
  const issues = [...new Set(paths)].map((path): Issue => ({
    severity: 'error',
    code: 'not-supported',
    diagnostics: `The legacy service has no place for ${path}, or not together with the rest.`,
    expression: [path],
  }));
  const text = 'The legacy service cannot hold all of this resource; nothing was written.';
  return new FicusError('unmappable', text, { issues });
}
