import { availableParallelism, constants, setPriority } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { LoadedConfig } from '../../config/load.ts';
import type { ReadContent, WaitingMessage } from '../../events/feed/processor.ts';
import type { Content } from '../../events/feed/content.ts';
import type { MessageContent, WrittenResource } from '../../projection-ports.ts';
import type { Resource } from '../../fhir/types.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import { keptDecimals } from '../../projection/decimals.ts';
import { unwritten, WrittenChange, type Unwritten } from '../../projection/written-change.ts';

/** What the thread that reads ahead is started with. */
export interface ReadingData {
  readonly loaded: LoadedConfig;
  readonly env: NodeJS.ProcessEnv;
  /** Releases of mappings that are in use. */
  readonly releases: readonly MappingRelease[];
  readonly port: MessagePort;
  readonly turns: Int32Array;
}

/** What the thread is told, in order. */
export type ToReading =
  | { readonly kind: 'use'; readonly releases: readonly MappingRelease[] }
  /** `order` comes back with what was read: it tells what was read by other mappings. */
  | { readonly kind: 'read'; readonly order: number; readonly messages: readonly WaitingMessage[] };

/** What the thread says: that it can begin; then what it has read. */
export type FromReading = 'ready' | { readonly order: number; readonly said: readonly Said[] };

/** What a message says, as JSON; null: reading it threw, and will again. */
export interface Said {
  readonly seq: number;
  /** Content whose changes are without the texts of their resources. */
  readonly frame: string | null;
  /** The resources of the changes: taken apart one by one, if at all. */
  readonly texts: readonly string[];
}

/** A thread that reads, as the one sees it that waits for it. */
export interface ReadingThread {
  readonly port: MessagePort;
  /** Its first value changes after each message that the thread sent. */
  readonly turns: Int32Array;
}

/**
 * Starts the thread; undefined where there is one processor only, and nothing would be gained. It does not keep the
 * process alive.
 */
export function startReading(
  options: Pick<ReadingData, 'loaded' | 'env' | 'releases'>,
): ReadingThread | undefined {
  if (availableParallelism() < 2) return undefined;
  const { port1, port2 } = new MessageChannel();
  const turns = new Int32Array(new SharedArrayBuffer(4));
  const data: ReadingData = { ...options, port: port2, turns };
  const worker = new Worker(new URL('./reading-thread.ts', import.meta.url), {
    workerData: data,
    transferList: [port2],
  });
  // Whoever waits in vain reads for himself.
  worker.on('error', () => {});
  worker.unref();
  return { port: port1, turns };
}

/** Reads a message, for whoever applies it. */
export function saidBy(read: ReadContent, { record, bytes }: WaitingMessage): Said {
  const { seq } = record;
  try {
    const said = read(bytes, record);
    if ('parked' in said) return { seq, frame: JSON.stringify(said), texts: [] };
    const { content } = said;
    const texts: string[] = [];
    const changes = content.changes.map((change): Unwritten => {
      const { text, decimals } = writtenOf(change.resource);
      texts.push(text);
      return unwritten(change, decimals);
    });
    return { seq, frame: JSON.stringify({ content: { ...content, changes } }), texts };
  } catch {
    return { seq, frame: null, texts: [] };
  }
}

const writtenBefore = new WeakMap<Resource, Written>();

/** A resource as text; what never changes, as patients and wards that come again, is written once. */
function writtenOf(resource: Resource): Written {
  if (!Object.isFrozen(resource)) return write(resource);
  let written = writtenBefore.get(resource);
  if (!written) writtenBefore.set(resource, (written = write(resource)));
  return written;
}

function write(resource: Resource): Written {
  return { text: JSON.stringify(resource), decimals: keptDecimals(resource) };
}

type Written = Pick<WrittenResource, 'text' | 'decimals'>;

/** What `saidBy` read; undefined: it has to be read again. */
export function contentOf({ frame, texts }: Said): Content | undefined {
  if (frame === null) return undefined;
  const said = JSON.parse(frame) as Frame;
  if ('parked' in said) return said;
  const changes = said.content.changes.map((change, nth) => new WrittenChange(change, texts[nth]!));
  return { content: { ...said.content, changes } };
}

type Frame =
  | Exclude<Content, { readonly content: unknown }>
  | { readonly content: Omit<MessageContent, 'changes'> & { readonly changes: readonly Unwritten[] } };

/**
 * What is asked over HTTP goes before what was told. On Linux a priority is that of the thread which sets it; elsewhere
 * it would be the whole process's.
 */
export function yieldToOthers(): void {
  if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
}
