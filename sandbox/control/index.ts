import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DialError, parseDial } from '../faults/dial.ts';
import { OUTCOMES, type Journal, type JournalEntry } from '../faults/journal.ts';
import type { Switchboard } from '../faults/switchboard.ts';
import { BodyTooLarge, readBody, send } from '../http.ts';
import type { LegacyCore } from '../legacy-core/index.ts';
import { plain } from '../legacy-core/hl7/message.ts';
import {
  displayName,
  fieldOf,
  identifiersOf,
  primaryIdentifier,
  type Patient,
} from '../legacy-core/state/patients.ts';
import { text } from '../legacy-core/soap/schema.ts';
import type { Order } from '../legacy-core/state/orders.ts';
import type { ModernService } from '../modern/index.ts';
import { ONE_OF_MANY } from '../population/index.ts';
import { documentation } from './documentation.ts';

export interface ControlApiOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8090; 0: any free port. */
  readonly port?: number;
  /** The dials and the list of what was received, shared with the services under control. */
  readonly switchboard: Switchboard;
  readonly journal: Journal;
  readonly legacy?: LegacyCore;
  readonly modern?: ModernService;
}

export interface ControlApi {
  readonly port: number;
  readonly close: () => Promise<void>;
}

const MAX_BODY = 65_536;

/** A mistake of the caller. */
class ControlError extends Error {
  readonly status: number;
  readonly problems: readonly string[];

  constructor(status: number, problems: readonly string[]) {
    super(problems.join('; '));
    this.status = status;
    this.problems = problems;
  }
}

type Handler = (request: IncomingMessage, url: URL, id: string) => unknown;

/** Starts the control API: fault dials, what was received, demo patients, orders, reset. JSON; `GET /` explains it. */
export async function createControlApi(options: ControlApiOptions): Promise<ControlApi> {
  const routes = createRoutes(options);
  const server = createServer((request, response) => {
    void serve(request, response, routes).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 8090, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createRoutes({
  switchboard,
  journal,
  legacy,
  modern,
}: ControlApiOptions): Readonly<Record<string, Handler>> {
  const hospital = (): ReturnType<LegacyCore['hospital']> => {
    if (!legacy) throw new ControlError(404, ['the legacy core does not run here']);
    return legacy.hospital();
  };
  return {
    'GET /': documentation,
    'GET /dials': () => ({ dials: switchboard.list() }),
    'POST /dials': async (request, url) => {
      const input = parseDial(await readJson(request));
      if (url.searchParams.get('replace') === 'true') {
        const same = switchboard
          .list()
          .filter(
            ({ protocol, fault, operation }) =>
              protocol === input.protocol && fault === input.fault && operation === input.operation,
          );
        for (const { id } of same) switchboard.remove(id);
      }
      return switchboard.set(input);
    },
    'DELETE /dials': () => {
      switchboard.clear();
      return { dials: [] };
    },
    'DELETE /dials/': (_request, _url, id) => {
      if (!switchboard.remove(id)) throw new ControlError(404, ['no dial has this id']);
      return { dials: switchboard.list() };
    },
    'GET /received': (_request, url) => received(journal, url),
    'DELETE /received': () => {
      journal.clear();
      return received(journal, new URL('http://control/received'));
    },
    'GET /patients': () => ({ patients: hospital().patients.all().map(describePatient) }),
    'GET /appointments': () => ({
      appointments: hospital()
        .records.appointments.all()
        .map(({ number, tree }) => ({
          number,
          externalRef: text(tree, 'ExternalRef'),
          status: text(tree, 'StatusCode'),
          version: text(tree, 'RowVersion'),
        })),
    }),
    'GET /orders': (_request, url) => {
      const number = url.searchParams.get('placerNumber');
      const orders = hospital()
        .orders.all()
        .filter((order) => number === null || order.placerNumber === number);
      return { orders: orders.map(describeOrder) };
    },
    'POST /reset': async () => {
      switchboard.clear();
      legacy?.reset();
      await modern?.reset();
      journal.clear();
      return { reset: true };
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Readonly<Record<string, Handler>>,
): Promise<void> {
  const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void =>
    send(response, {
      status,
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      body: `${JSON.stringify(body, null, 2)}\n`,
    });
  const url = new URL(request.url ?? '/', 'http://control');
  const [, path = '/', id = ''] = /^(\/dials\/)([^/]+)$/.exec(url.pathname) ?? [undefined, url.pathname];
  const handler = routes[`${request.method} ${path}`];
  try {
    if (!handler) return notFound(path, routes, json);
    const result: unknown = await handler(request, url, id);
    return json(request.method === 'POST' && path === '/dials' ? 201 : 200, result);
  } catch (error) {
    if (error instanceof DialError) return json(400, { problems: error.problems });
    if (error instanceof ControlError) return json(error.status, { problems: error.problems });
    if (error instanceof BodyTooLarge)
      return json(413, { problems: [error.message] }, { connection: 'close' });
    throw error;
  }
}

function notFound(
  path: string,
  routes: Readonly<Record<string, Handler>>,
  json: (status: number, body: unknown, headers?: Readonly<Record<string, string>>) => void,
): void {
  const allowed = Object.keys(routes)
    .map((route) => route.split(' '))
    .filter(([, known]) => known === path)
    .map(([method]) => method);
  if (allowed.length === 0) return json(404, { problems: ['no such path; GET / lists them'] });
  return json(405, { problems: [`only ${allowed.join(', ')}`] }, { allow: allowed.join(', ') });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, MAX_BODY);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new ControlError(400, ['the body is not JSON']);
  }
}

const TEXT_FILTERS = ['protocol', 'operation', 'controlId', 'sender', 'outcome', 'fault'] as const;

/** Entries that pass the filters, the newest `limit` of them, and counts over all that pass. */
function received(journal: Journal, url: URL): unknown {
  const filter: Record<string, string | number> = {};
  const problems: string[] = [];
  for (const [name, value] of url.searchParams) {
    if (TEXT_FILTERS.some((known) => known === name)) filter[name] = value;
    else if (name === 'after' && /^\d{1,9}$/.test(value)) filter[name] = Number(value);
    else if (name !== 'limit' || !/^\d{1,5}$/.test(value))
      problems.push(`${name}: not known here, or not a number`);
  }
  if (problems.length > 0) throw new ControlError(400, problems);
  const limit = Number(url.searchParams.get('limit') ?? '1000');
  const entries = journal.list(filter);
  return { counts: count(entries), received: limit === 0 ? [] : entries.slice(-limit) };
}

function count(entries: readonly JournalEntry[]): unknown {
  const zero = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
  const counts = { received: entries.length, ...zero } as Record<string, number>;
  const operations: Record<string, number> = {};
  for (const { outcome, operation } of entries) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    operations[operation] = (operations[operation] ?? 0) + 1;
  }
  return { ...counts, operations };
}

/** A patient as the control API and the authorization server show them. */
export interface ListedPatient {
  readonly mrn: string;
  readonly authority: string;
  readonly name: string;
  /** As the core has it: `19620314`. */
  readonly birthDate: string;
  /** What is special about the record. */
  readonly about: string;
  /** Nothing is: there to make up the number. */
  readonly ordinary: boolean;
  readonly identifiers: readonly string[];
}

export function describePatient(patient: Patient): ListedPatient {
  const { value, authority } = primaryIdentifier(patient);
  return {
    mrn: value,
    authority,
    name: displayName(patient),
    birthDate: plain(fieldOf(patient.pid, 7)[0]?.[0]?.[0]),
    about: patient.about,
    ordinary: patient.about === ONE_OF_MANY,
    identifiers: identifiersOf(patient).map((id) => `${id.authority}|${id.value}`),
  };
}

function describeOrder(order: Order): unknown {
  const { placerNumber, placerNamespace, fillerNumber, patient, serviceCode, status, receivedAt } = order;
  return { placerNumber, placerNamespace, fillerNumber, patient, serviceCode, status, receivedAt };
}
