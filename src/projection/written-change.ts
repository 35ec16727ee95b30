import type { ResourceChange, WrittenResource } from '../feed-ports.ts';
import { keptDecimals, parseKept } from './decimals.ts';

/** All of a change but the text of its resource. */
export type Unwritten = Pick<ResourceChange, 'mode' | 'deleted'> & Omit<WrittenResource, 'text'>;

export function unwritten({ resource, mode, deleted }: ResourceChange): Unwritten {
  const { resourceType: type, id } = resource;
  return { type, id, decimals: keptDecimals(resource), mode, ...(deleted ? { deleted } : {}) };
}

/** A change whose resource is text until somebody looks into it. */
export class WrittenChange implements ResourceChange {
  readonly mode: ResourceChange['mode'];
  readonly deleted?: readonly string[];
  readonly written: WrittenResource;
  private parsed: ResourceChange['resource'] | undefined;

  constructor({ type, id, decimals, mode, deleted }: Unwritten, text: string) {
    this.mode = mode;
    if (deleted) this.deleted = deleted;
    this.written = { type, id, text, decimals };
  }

  get resource(): ResourceChange['resource'] {
    const { text, decimals } = this.written;
    return (this.parsed ??= parseKept(text, decimals) as ResourceChange['resource']);
  }

  /** As one that was never written. */
  toJSON(): ResourceChange {
    const { resource, mode, deleted } = this;
    return { resource, mode, ...(deleted ? { deleted } : {}) };
  }
}
