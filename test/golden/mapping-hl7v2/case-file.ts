import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import type { Json, Resource } from '../../../src/fhir/types.ts';
import type { MappingSet } from '../../../src/mapping/mapping-set.ts';
import { readMessage } from '../../../src/mapping/read-message.ts';
import { readTree, writeTree } from '../../../src/mapping/run-map.ts';
import type { Loss, RunContext } from '../../../src/mapping/run.ts';
import type { TreeWriter } from '../../../src/mapping/tree.ts';

/**
 * A case is a file: `site:` (optional), `maps:` (those that feed one resource) or `message` (its structure says which); the message, one segment
 * a line; then
 *
 *     =>   the resource that it reads as (a list, for a message), and under `--` what had no home: kind and place
 *     <=   the segments as they are written onto nothing but the MSH, and under `--` what they could not carry
 */
export interface MappingCase {
  readonly name: string;
  readonly site: string | undefined;
  /** undefined: by the message's structure. */
  readonly maps: readonly string[] | undefined;
  readonly segments: readonly string[];
  readonly resources: Json;
  readonly readLoss: readonly string[];
  readonly written: readonly string[];
  readonly writeLoss: readonly string[];
}

export const CONTEXT: RunContext = {
  authorities: [
    { name: 'FARM', namespaces: ['HOSP'], oid: '1.2.3', system: 'urn:oid:1.2.3' },
    { name: 'LAB', namespaces: ['LAB'], system: 'https://lab.example/ids' },
  ],
  timeZone: 'Europe/Berlin',
};

/** Segments in the order in which new ones are put in. */
const ORDER = ['MSH', 'EVN', 'PID', 'PD1', 'NK1', 'PV1', 'PV2'];

const SECTION = /^(=>|<=)$/;

export function readCase(path: string): MappingCase {
  const lines = readFileSync(path, 'utf8').split('\n');
  const site = lines[0]!.startsWith('site: ') ? lines.shift()!.slice('site: '.length) : undefined;
  const head = lines.shift()!;
  const sections = new Map<string, string[]>([['', []]]);
  let name = '';
  for (const line of lines) {
    if (SECTION.test(line) || line === '--') {
      name = line === '--' ? `${name}--` : line;
      sections.set(name, []);
    } else sections.get(name)!.push(line);
  }
  const filled = (section: string): string[] => (sections.get(section) ?? []).filter((line) => line !== '');
  return {
    name: basename(path, '.case'),
    site,
    maps: head.startsWith('maps: ') ? head.slice('maps: '.length).split(', ') : undefined,
    segments: filled(''),
    resources: parseJson(filled('=>').join('\n') || 'null'),
    readLoss: filled('=>--'),
    written: filled('<='),
    writeLoss: filled('<=--'),
  };
}

const sets = new Map<string | undefined, MappingSet>();

/** The mappings with a site's overlay, compiled once. */
export function mappingsOf(site: string | undefined): MappingSet {
  let set = sets.get(site);
  if (!set) sets.set(site, (set = loadMappings('mappings', site === undefined ? {} : { site })));
  return set;
}

/** What a case comes to: the same sections as the file's. */
export interface Outcome {
  readonly resources: Json;
  readonly readLoss: readonly string[];
  /** The message after what was read has been written back onto it. */
  readonly rewritten: readonly string[];
  readonly written: readonly string[];
  readonly writeLoss: readonly string[];
}

export function runCase({ site, maps, segments }: MappingCase): Outcome {
  const set = mappingsOf(site);
  const message = messageOf(segments);
  if (!maps) return readWhole(set, message);
  const map = set.combined(maps);
  const tree = treeOf(message);
  const { resource, loss } = readTree(map, tree, CONTEXT);
  if (!resource)
    return {
      resources: null,
      readLoss: loss.map(describe),
      rewritten: textOf(message),
      written: [],
      writeLoss: [],
    };
  const onto = writeTree(map, resource, tree, CONTEXT);
  const fresh = messageOf(segments.slice(0, 1));
  const made = writeTree(map, resource, treeOf(fresh), CONTEXT);
  return {
    resources: resource,
    readLoss: loss.map(describe),
    rewritten: [...textOf(message), ...onto.loss.map(describe)],
    written: textOf(fresh).slice(1),
    writeLoss: made.loss.map(describe),
  };
}

function readWhole(set: MappingSet, message: Message): Outcome {
  const type = `${message.value('MSH', 9, 1, 1)}^${message.value('MSH', 9, 1, 2)}`;
  const files = [...set.messages.values()];
  const file =
    files.find((it) => it.of.includes(type)) ?? files.find((it) => it.of.includes(type.slice(0, 3)))!;
  const { root } = file.group(message.segments.map((segment) => segment.name));
  const reading = readMessage(file, messageTree(message, root, file.order), CONTEXT);
  const resources: Resource[] = reading.resources.flatMap(({ resource }) => (resource ? [resource] : []));
  const losses = [...reading.resources.flatMap(({ loss }) => loss), ...reading.loss];
  return {
    resources,
    readLoss: losses.map(describe),
    rewritten: textOf(message),
    written: [],
    writeLoss: [],
  };
}

function messageOf(segments: readonly string[]): Message {
  return parseMessage(Buffer.from(`${segments.join('\r')}\r`, 'utf8'), { defaultCharset: 'UNICODE UTF-8' });
}

/** The message of a case as the tree that maps read. */
export function treeOf(message: Message | readonly string[]): TreeWriter {
  return messageTree('segments' in message ? message : messageOf(message), undefined, ORDER);
}

function textOf(message: Message): string[] {
  return message.toBytes().toString('utf8').split('\r').filter(Boolean);
}

function describe({ kind, path }: Loss): string {
  return `${kind} ${path}`;
}
