import { hash, randomUUID } from 'node:crypto';
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

/** Told what of a resource is left out; absent: nothing may be. */
export type LeftOut = ((issues: readonly Issue[]) => void) | undefined;

/** How the writes of one endpoint are put together. */
export interface Writing {
  /**
   * @param writeId what a number of ours derives from; without one it is random
   * @throws FicusError `unmappable`, an issue for each element that the service cannot take and that may not be left
   *   out.
   */
  create(resource: Resource, leftOut: LeftOut, writeId: string | undefined): Write;
  /**
   * What makes the current record the resource; undefined: it is that already.
   * @throws FicusError as create
   */
  update(resource: Resource, number: string, current: XmlElement, leftOut: LeftOut): Write | undefined;
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

  /** Runs the map over a draft; the elements that have no place in it. */
  function writeOnto(resource: Resource, draft: XmlDraft, lenient: boolean): string[] {
    const { loss } = writeTree(map, resource, draft.place, run);
    const lost = loss.filter(({ kind }) => kind === 'not-carried').map(({ path }) => path);
    // That would not be left out, but be sent as something else.
    const changed = loss.filter(isChanged).map(({ path }) => path);
    if (changed.length > 0 || (lost.length > 0 && !lenient)) throw unmappable([...lost, ...changed]);
    return lost;
  }

  /** What of that which is to be sent has no place in the request. */
  function homelessOf(part: Part, sent: readonly XmlElement[]): string[] {
    return sent
      .filter(({ local }) => !part.order.includes(local))
      .flatMap(({ local }) => elementsOf(operation, local));
  }

  /** The request, with what of that which is to be sent has a place in it. */
  function compose(part: Part, sent: readonly XmlElement[], facts: Facts): Write {
    const { namespace } = request;
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
    create(resource, leftOut, writeId) {
      const draft = draftXml(request.namespace, recordName);
      const numbered = mint ? withNumber(resource, mint, writeId) : resource;
      const lost = writeOnto(fillReferences(numbered, undefined), draft, leftOut !== undefined);
      const { children } = draft.element();
      tellLost([...lost, ...homelessOf(usual, children)], leftOut);
      const written = compose(usual, children, () => undefined);
      // Whatever carries a number of ours is what was sent with it.
      return numbered === resource ? written : { ...written, isDone: () => true };
    },
    update(resource, number, current, leftOut) {
      const draft = draftXmlOf(current);
      const before = draftXmlOf(current);
      const held = readTree(map, readXmlTree(current), run).resource;
      const lost = writeOnto(fillReferences(resource, held), draft, leftOut !== undefined);
      const changed = changedChildren(before.element(), draft.element()).filter(
        (child) => !(isGone(child) && request.keeps.includes(child.local)),
      );
      const { run: asking } = startRun(run);
      const other = instead.find(
        ({ condition }) => condition.holds(draft.place, asking) && !condition.holds(before.place, asking),
      );
      const part = other ?? usual;
      const sent = other ? changed.filter(({ local }) => !other.implies.includes(local)) : changed;
      tellLost([...lost, ...homelessOf(part, sent)], leftOut);
      const { order } = part;
      if (!other && !sent.some(({ local }) => order.includes(local))) return undefined;
      const facts = (name: string): string | undefined =>
        name === 'number' ? number : name.startsWith('current/') ? textAt(current, name.slice(8)) : undefined;
      const write = compose(part, sent, facts);
      if (!other) return write;
      const isThere = (record: XmlElement): boolean => other.condition.holds(readXmlTree(record), asking);
      return { ...write, isDone: (record) => isThere(record) && write.isDone(record) };
    },
  };
}

/** A code without a system that would become one of the service's own. */
function isChanged({ kind, path }: Loss): boolean {
  return kind === 'added' && /\.coding\[\d+\]\.system$/.test(path);
}

/** @throws FicusError `unmappable` when it may not be left out */
function tellLost(paths: readonly string[], leftOut: LeftOut): void {
  if (paths.length === 0) return;
  if (!leftOut) throw unmappable(paths);
  leftOut(issuesOf(paths, 'warning'));
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
function withNumber(resource: Resource, { system }: Authority, writeId: string | undefined): Resource {
  if (Array.isArray(resource['identifier']) && resource['identifier'].length > 0) return resource;
  const value = writeId === undefined ? randomUUID() : derivedUuid(writeId);
  return { ...resource, identifier: [{ system, value }] };
}

/** The same UUID for the same text (RFC 9562 §5.8, version 8: from its SHA-256). */
function derivedUuid(of: string): string {
  const hex = hash('sha256', `number ${of}`, 'hex');
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
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
  const text = 'The legacy service cannot hold all of this resource; nothing was written.';
  return new FicusError('unmappable', text, { issues: issuesOf(paths, 'error') });
}

function issuesOf(paths: readonly string[], severity: Issue['severity']): Issue[] {
  return [...new Set(paths)].map((path) => ({
    severity,
    code: 'not-supported',
    diagnostics: `The legacy service has no place for ${path}, or not together with the rest.`,
    expression: [path],
  }));
}
