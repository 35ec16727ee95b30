import type { ResourceChange, WrittenResource } from '../projection-ports.ts';
import { parseKept } from './decimals.ts';

/** All of a change but the text of its resource. A list, for it is written and read for each resource of a message. */
export type Unwritten = readonly [
  mode: ResourceChange['mode'],
  type: string,
  id: string,
  decimals?: WrittenResource['decimals'],
  deleted?: ResourceChange['deleted'] | null,
  yields?: ResourceChange['yields'] | null,
];

/** @param decimals of its resource, as `keptDecimals` tells them */
export function unwritten(
  { resource, mode, deleted, yields }: ResourceChange,
  decimals: string | null,
): Unwritten {
  const { resourceType: type, id } = resource;
  if (decimals === null && !deleted && !yields) return [mode, type, id];
  return [mode, type, id, decimals, deleted ?? null, yields ?? null];
}

/**
 * A change whose resource is text: a mention, which nearly always is of what is known, until somebody looks into it.
 */
export class WrittenChange implements ResourceChange {
  readonly mode: ResourceChange['mode'];
  readonly deleted?: readonly string[];
  readonly yields?: NonNullable<ResourceChange['yields']>;
  readonly written: WrittenResource;
  private parsed: ResourceChange['resource'] | undefined;

  constructor([mode, type, id, decimals = null, deleted, yields]: Unwritten, text: string) {
    this.mode = mode;
    if (deleted) this.deleted = deleted;
    if (yields) this.yields = yields;
    this.written = { type, id, text, decimals };
    // Measured: taken apart message by message, before anything of a batch is applied, it costs less.
    if (mode !== 'mention') this.parsed = this.parse();
  }

  get resource(): ResourceChange['resource'] {
    return (this.parsed ??= this.parse());
  }

  /** As one that was never written. */
  toJSON(): ResourceChange {
    const { resource, mode, deleted, yields } = this;
    return { resource, mode, ...(deleted ? { deleted } : {}), ...(yields ? { yields } : {}) };
  }

  private parse(): ResourceChange['resource'] {
    const { text, decimals } = this.written;
    return parseKept(text, decimals) as ResourceChange['resource'];
  }
}

/** What an update says, as text; undefined: saying it again may do something else. */
export function wordsOf({ mode, deleted, yields, written }: ResourceChange): string | undefined {
  if (!written || mode !== 'update' || deleted) return undefined;
  return yields ? `${written.text} ${JSON.stringify(yields)}` : written.text;
}
