import type { Resource } from '../../modern/json.ts';

/**
 * A bug that a new service may well have: its answers are well-formed and wrong. What is stored stays right; the fault
 * is in what is answered to reads and searches, and it is gone with its dial.
 */
export interface PlantedFault {
  readonly about: string;
  /** Share of the resources that it touches when the dial does not say, in percent. */
  readonly percent: number;
  /** The resource with the fault in it; the same object where there is nothing to spoil. */
  readonly resource?: (resource: Resource) => Resource;
  /** The entries of a page of search results. */
  readonly page?: <T>(entries: readonly T[]) => readonly T[];
}
