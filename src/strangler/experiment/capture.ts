import { parseJson, stringifyJson } from '../../fhir/json.ts';
import type { Endpoint, Json } from '../../fhir/types.ts';
import type { Clock, FhirRequest, Logger } from '../../ports.ts';
import { askedRequest, readAskedRequest, requestText } from './asked-request.ts';
import type { AskedRequest } from './asked-request.ts';
import type { CapturedRequest, CaptureLabel, CaptureStore } from './capture-store.ts';
import { createLowest } from './lowest.ts';
import type { Lowest } from './lowest.ts';
import { createKeyedHash, createVault } from './vault.ts';

export interface CaptureOptions {
  readonly store: CaptureStore;
  /** At least 32 bytes. */
  readonly key: Uint8Array;
  /** Life of a captured request; 0: nothing is captured. */
  readonly days: number;
  /** Requests kept of one search shape. */
  readonly perShape: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps a fair sample of what clients ask: parameters only, sealed, for some days. */
export interface Capture {
  /** A read or search that was answered. Neither waits nor throws. */
  seen(endpoint: Endpoint, shape: string, request: FhirRequest): void;
  /** What was captured of an endpoint, in an order that takes from every shape in turn. */
  list(endpoint: Endpoint): Promise<readonly { readonly shape: string; readonly asked: AskedRequest }[]>;
  /** Writes down what waits, and captures nothing any more. */
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
/** What is captured is written once a second, in one commit. */
const FLUSH_MS = 1_000;
/** Shapes of one endpoint that are told apart; requests of others are not captured. */
const MAX_SHAPES = 256;

/**
 * Opens the capture. Of each shape the requests with the lowest priorities are kept; the priority comes from the keyed
 * hash of the request, so this is an even sample of the different requests, whenever they came, and the same on every
 * replica.
 */
export async function createCapture(options: CaptureOptions): Promise<Capture> {
  const { store, key, days, perShape, clock, log } = options;
  const hash = createKeyedHash(key, 'ficus: captured requests');
  const vault = createVault(key, 'ficus: captured requests');
  const endpoints = new Map<Endpoint, Map<string, Lowest>>();
  const added = new Map<string, CapturedRequest>();
  const removed = new Set<string>();
  let cancelFlush: (() => void) | undefined;
  let open = days > 0;
  for (const label of await store.labels(clock.now())) keep(label);

  function shapeOf({ endpoint, shape }: Pick<CaptureLabel, 'endpoint' | 'shape'>): Lowest | undefined {
    let shapes = endpoints.get(endpoint);
    if (!shapes) endpoints.set(endpoint, (shapes = new Map()));
    let kept = shapes.get(shape);
    if (!kept && shapes.size < MAX_SHAPES) shapes.set(shape, (kept = createLowest(perShape)));
    return kept;
  }

  /** Whether it is kept; what has to go for it goes. */
  function keep(label: CaptureLabel): boolean {
    const gone = shapeOf(label)?.offer(label, clock.now());
    for (const id of gone ?? []) {
      added.delete(id);
      removed.add(id);
    }
    return gone !== undefined;
  }

  function seen(endpoint: Endpoint, shape: string, request: FhirRequest): void {
    const asked = open ? askedRequest(request) : undefined;
    if (!asked) return;
    const id = hash(requestText(request));
    const known = shapeOf({ endpoint, shape })?.get(id);
    if (known && known.expiresAt > clock.now()) return;
    const priority = Buffer.from(id, 'base64url').readUIntBE(0, 6) / 2 ** 48;
    const label = { id, endpoint, shape, priority, expiresAt: clock.now() + days * DAY_MS };
    if (!keep(label)) return;
    const sealed = vault.seal(stringifyJson(asked as unknown as Json), bindingOf(label));
    added.set(id, { ...label, sealed });
    cancelFlush ??= clock.after(FLUSH_MS, () => void flush());
  }

  async function flush(): Promise<void> {
    cancelFlush?.();
    cancelFlush = undefined;
    if (added.size === 0 && removed.size === 0) return;
    const batch = [...added.values()];
    const gone = [...removed];
    added.clear();
    removed.clear();
    try {
      await store.replace(batch, gone);
    } catch (error) {
      // What was not written can be captured again.
      for (const label of batch) shapeOf(label)?.delete(label.id);
      log.error('captured requests could not be kept', { count: batch.length, error });
    }
  }

  async function list(endpoint: Endpoint) {
    await flush();
    const byShape = Map.groupBy(await store.list(endpoint, clock.now()), ({ shape }) => shape);
    const opened = [...byShape.values()].map((requests) => requests.flatMap(opening));
    const longest = Math.max(0, ...opened.map(({ length }) => length));
    return Array.from({ length: longest }, (_, turn) => opened.flatMap((of) => of[turn] ?? [])).flat();
  }

  function opening(request: CapturedRequest): { readonly shape: string; readonly asked: AskedRequest }[] {
    try {
      const asked = readAskedRequest(parseJson(vault.open(request.sealed, bindingOf(request))));
      return asked ? [{ shape: request.shape, asked }] : [];
    } catch (error) {
      log.warn('a captured request does not open', { endpoint: request.endpoint, error });
      return [];
    }
  }

  return {
    seen(endpoint, shape, request) {
      try {
        seen(endpoint, shape, request);
      } catch (error) {
        log.error('a request could not be captured', { endpoint, error });
      }
    },
    list,
    async stop() {
      open = false;
      await flush();
    },
  };
}

function bindingOf({ id, endpoint, shape }: CaptureLabel): string {
  return `${id}|${endpoint}|${shape}`;
}
