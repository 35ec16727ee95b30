import type { CrosswalkStore, IdempotencyStore, RouteStore } from '../ports.ts';
import { openDatabase } from './database.ts';
import {
  createMemoryCrosswalkStore,
  createMemoryIdempotencyStore,
  createMemoryRouteStore,
} from './memory.ts';
import {
  createSqliteCrosswalkStore,
  createSqliteIdempotencyStore,
  createSqliteRouteStore,
} from './sqlite.ts';

/** Everything Ficus keeps, whichever way it is kept. */
export interface Stores {
  readonly routes: RouteStore;
  readonly idempotency: IdempotencyStore;
  readonly crosswalk: CrosswalkStore;
  close(): void;
}

/** The embedded stores in one sqlite file. @throws Error when the file cannot be opened. */
export function openSqliteStores(file: string): Stores {
  const database = openDatabase(file);
  return {
    routes: createSqliteRouteStore(database),
    idempotency: createSqliteIdempotencyStore(database),
    crosswalk: createSqliteCrosswalkStore(database),
    close: () => database.close(),
  };
}

/** Stores that live and die with the process. */
export function createMemoryStores(): Stores {
  return {
    routes: createMemoryRouteStore(),
    idempotency: createMemoryIdempotencyStore(),
    crosswalk: createMemoryCrosswalkStore(),
    close: () => {},
  };
}
