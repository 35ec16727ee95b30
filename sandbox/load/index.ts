import { randomBytes } from 'node:crypto';
import { Pool } from 'undici';
import { shareOf } from '../faults/random.ts';
import { createBookings, type Write } from './bookings.ts';
import { createReads, type Read } from './mix.ts';
import { follow, inTurn, schedule } from './pace.ts';
import { findPatients, type LoadPatient } from './people.ts';
import { summarise, type AcceptedWrite, type LoadReport, type Outcome } from './report.ts';

export { formatReport } from './report.ts';
export type { LoadReport } from './report.ts';

export interface LoadOptions {
  /** FHIR base address, e.g. `http://localhost:8080/fhir/r4`. */
  readonly fhirBase: string;
  /** The sandbox's control API: who the patients are. Not needed with `patients`. */
  readonly controlBase?: string;
  readonly patients?: readonly LoadPatient[];
  /** Reads a second; default 50. */
  readonly reads?: number;
  /**
   * So many applications that each wait for an answer before they read again, instead of `reads` a second: as much as
   * the other side carries, and never more than so many reads at once. Latencies count from when a request was sent.
   */
  readonly readers?: number;
  /** Writes a second; default 0. */
  readonly writes?: number;
  /** Default 60. */
  readonly seconds?: number;
  /** Only reads of these endpoints, e.g. `Observation.search`; default: all that applications ask for. */
  readonly endpoints?: readonly string[];
  /** The same seed asks for the same things in the same order; default 1. */
  readonly seed?: number;
  /** Milliseconds after which an answer is given up; default 30,000. */
  readonly timeoutMs?: number;
  /** Headers of every request, over the generator's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends it early; what has happened until then is reported. */
  readonly signal?: AbortSignal;
  /** After each request: what it was and how it ended. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** Open connections at most: more than a service in trouble would have answered meanwhile. */
const CONNECTIONS = 512;
const FACILITIES = ['EAST', 'WEST', 'NORTH'];
const CLIENTS = ['portal', 'ward', 'mobile', 'research', 'billing'];

/**
 * Asks like a hospital's applications do: reads of many shapes over all patients and bookings, each sent when it is
 * due, whether the ones before have been answered or not. Latencies count from when a request was due (no coordinated
 * omission). With `readers`, each asks when it has its answer. Resolves when everything sent has ended.
 *
 * @throws Error when there are no patients, or the control API does not answer
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { fhirBase, readers = 0, reads = readers > 0 ? 0 : 50, writes = 0, seconds = 60 } = options;
  const { seed = 1, signal } = options;
  const patients =
    options.patients ?? (await findPatients(fhirBase, options.controlBase ?? '', options.headers));
  if (patients.length === 0) throw new Error('There are no patients to ask for');
  const base = new URL(fhirBase);
  const pool = new Pool(base.origin, { connections: CONNECTIONS, pipelining: 1 });
  const nextRead = createReads(patients, options.endpoints ?? [], seed);
  const bookings = createBookings(`L${randomBytes(4).toString('hex')}`);
  const outcomes: Outcome[] = [];
  const accepted: AcceptedWrite[] = [];
  const running = new Set<Promise<boolean>>();

  /** Whether there was an answer. */
  const exchange = async (request: Request, dueAt: number): Promise<boolean> => {
    const lateMs = Math.max(0, performance.now() - dueAt);
    const { result, resource } = await ask(pool, base.pathname, request, options);
    const ms = performance.now() - dueAt;
    const { endpoint, patient } = request;
    const outcome = { endpoint, shape: shapeOf(request.path), patient: patient.id, ms, lateMs, result };
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
    if ('method' in request && 'status' in result && result.status < 300) {
      accepted.push({
        endpoint: request.endpoint,
        id: resource?.id ?? '',
        reference: request.reference,
        status: typeof resource?.['status'] === 'string' ? resource['status'] : '',
        servedBy: result.servedBy,
      });
      if (resource) bookings.accepted(request, resource);
    }
    return 'status' in result;
  };
  let turn = 0;
  const send = (kind: 'reads' | 'writes', dueAt: number): Promise<boolean> => {
    const patient = patients[turn++ % patients.length] ?? patients[0];
    if (!patient) return Promise.resolve(false);
    const one = exchange(kind === 'reads' ? nextRead() : bookings.next(patient), dueAt);
    running.add(one);
    return one.finally(() => running.delete(one));
  };
  const started = performance.now();
  try {
    await Promise.all([
      follow(schedule({ reads, writes }, seconds), send, signal),
      inTurn(readers, seconds, () => send('reads', performance.now()), signal),
    ]);
    const lasted = (performance.now() - started) / 1_000;
    await Promise.all(running);
    return summarise(outcomes, accepted, lasted);
  } finally {
    await pool.destroy();
  }
}

type Request = Read | Write;

interface Answer {
  readonly result: Outcome['result'];
  /** Of a write: the Appointment that was answered. */
  readonly resource?: Readonly<Record<string, unknown>> & { readonly id: string };
}

async function ask(pool: Pool, basePath: string, request: Request, options: LoadOptions): Promise<Answer> {
  const write = 'method' in request ? request : undefined;
  try {
    const { statusCode, headers, body } = await pool.request({
      method: write?.method ?? 'GET',
      path: `${basePath.replace(/\/+$/, '')}/${request.path}`,
      headers: { ...headersOf(request), ...options.headers },
      ...(write ? { body: write.body } : {}),
      signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
    });
    const text = await body.text();
    const result = { status: statusCode, servedBy: String(headers['x-served-by'] ?? 'nobody') };
    if (!write || statusCode >= 300) return { result };
    const resource = JSON.parse(text) as Answer['resource'];
    return resource && typeof resource.id === 'string' ? { result, resource } : { result };
  } catch (error) {
    return { result: { error: reasonOf(error) } };
  }
}

/** Whose application asks, and from where: always the same for one patient. */
function headersOf(request: Request): Record<string, string> {
  const share = shareOf(request.patient.identifier);
  return {
    accept: 'application/fhir+json',
    'x-client-id': CLIENTS[Math.floor(share * 1_000) % CLIENTS.length] ?? '',
    'x-facility': FACILITIES[Math.floor(share * FACILITIES.length)] ?? '',
    ...('method' in request ? { 'content-type': 'application/fhir+json' } : {}),
    ...('key' in request && request.key !== undefined ? { 'idempotency-key': request.key } : {}),
  };
}

/** The parameters of a search, sorted; empty for everything else. */
function shapeOf(path: string): string {
  const [, query] = path.split('?');
  if (query === undefined) return '';
  const names = query.split('&').map((pair) => pair.slice(0, pair.indexOf('=')));
  return [...new Set(names)].toSorted().join(',');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'timeout';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
