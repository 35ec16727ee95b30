import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { MessageContent, ResourceChange } from '../src/projection-ports.ts';
import { searchsetText } from '../src/fhir/bundle.ts';
import type { SearchQuery } from '../src/fhir/search-query.ts';
import { createProjectionBackend } from '../src/projection/backend.ts';
import { PROJECTION_MIGRATIONS } from '../src/projection/schema.ts';
import { createReading } from '../src/projection/search/reading.ts';
import { createProjectionWriter } from '../src/projection/writer.ts';
import { createPageSealer } from '../src/search/page.ts';
import { parseSearch } from '../src/search/parse.ts';
import { createTimeZone } from '../src/search/time-zone.ts';
import { openDatabase } from '../src/store/database.ts';
import { systemClock } from '../src/clock.ts';
import { compareRuns, costRow, type Row } from './harness.ts';
import { CONTEXT, message, RULES } from './projection/messages.ts';

// A page of 50 Observations of a patient who has 10,000, as a client gets it: found, read, and written as the bytes of a Bundle. Against the bare read of the same
// rows: their JSON texts joined to bytes. Serialising is part of both sides. The cold row reads other pages each time (nothing of them is remembered); the warm row the
// same page; a total is counted once while nothing in the file changes, as it is for a client that goes from page to page. Costs are CPU microseconds a page. Applying: whole contents of ADT and ORU messages in batches of 200, each batch one synced transaction, against
// writing nothing but the JSON texts of the same resources, in the same batches.

const OBSERVATIONS = 10_000;
const PAGE = 50;
const BATCH = 200;
const zone = createTimeZone('UTC');

export default async function projectionBench(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-projection-'));
  try {
    return [...(await applying(folder)), ...(await searching(folder))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function searching(folder: string): Promise<Row[]> {
  const file = join(folder, 'search.sqlite');
  const writer = createProjectionWriter(openDatabase(file, PROJECTION_MIGRATIONS), { zone });
  const contents = Array.from({ length: OBSERVATIONS / 10 }, (_, at) => message(at, { patient: 0 }));
  for (let at = 0; at < contents.length; at += BATCH) applyAll(writer, contents.slice(at, at + BATCH), at);
  const database = openDatabase(file, PROJECTION_MIGRATIONS);
  const pages = createPageSealer({
    keys: [{ id: 'a', secret: createHash('sha256').update('bench').digest() }],
    clock: systemClock,
    lifetimeMs: 3_600_000,
  });
  const backendOf = () =>
    createProjectionBackend(createReading(database), { clock: systemClock, pages, zone, defaultCount: PAGE });
  const parsed = (text: string): SearchQuery =>
    parseSearch(
      'Observation',
      text.split('&').map((pair) => pair.split('=') as [string, string]),
      { rules: RULES, handling: 'strict', maxCount: 100 },
    );
  const answer = async (backend: ReturnType<typeof backendOf>, query: SearchQuery): Promise<Buffer> => {
    const { body } = await backend.handle(
      { interaction: 'search', type: 'Observation', query, handling: 'strict' },
      CONTEXT,
    );
    if (body.kind !== 'searchset') throw new Error('no search set');
    return Buffer.from(searchsetText(body.set, query, 'https://ficus.example/fhir/r4'));
  };
  const param = Number(
    database.prepare("SELECT nid FROM name WHERE text = 'Observation.subject'").get()!['nid'],
  );
  const target = Number(database.prepare("SELECT rid FROM resource WHERE id = 'p0'").get()!['rid']);
  const rows = database.prepare(
    `SELECT r.json FROM reference_value v CROSS JOIN resource r ON r.rid = v.rid WHERE v.param = ? AND v.target = ? AND v.rid > ? ORDER BY v.rid LIMIT ${PAGE}`,
  );
  const all = database
    .prepare('SELECT rid FROM reference_value WHERE param = ? AND target = ? ORDER BY rid')
    .all(param, target)
    .map((row) => Number(row['rid']));
  const bare = (after: number): Buffer =>
    Buffer.from(
      `[${rows
        .all(param, target, after)
        .map((row) => String(row['json']))
        .join(',')}]`,
    );

  // Beyond what is remembered, so that every page has to be read.
  const backend = backendOf();
  const query = parsed(`patient=p0&_count=${PAGE}`);
  const starts: SearchQuery[] = [query];
  for (let next: SearchQuery | undefined = query; next;) {
    const { body } = await backend.handle(
      { interaction: 'search', type: 'Observation', query: next, handling: 'strict' },
      CONTEXT,
    );
    const token = body.kind === 'searchset' ? body.set.next : undefined;
    next = token === undefined ? undefined : { ...query, page: token };
    if (next) starts.push(next);
  }
  let turn = 0;
  const nextPage = (): number => (turn = (turn + 1) % starts.length);
  const sorted = parsed(`patient=p0&_count=${PAGE}&_sort=-date`);
  const counted = parsed(`patient=p0&_count=${PAGE}&_total=accurate`);
  const coded = parsed(`patient=p0&code=http://loinc.org|718-7&date=ge2024-01-01&_count=${PAGE}`);
  const [bareCost, cold, warm, order, total, code] = await compareRuns(
    [
      async () => bare(all[nextPage() * PAGE]! - 1),
      () => answer(backend, starts[nextPage()]!),
      () => answer(backend, query),
      () => answer(backend, sorted),
      () => answer(backend, counted),
      () => answer(backend, coded),
    ].map((operation) => (times: number) => repeat(operation, times)),
    { operations: 200, rounds: 9 },
  );
  database.close();
  writer.close();
  const row = (name: string, ours: number) => costRow(name, ours, bareCost!, 'us CPU', 0.2);
  return [
    row('50 of 10,000 Observations of a patient, not read before', cold!),
    row('the same page again', warm!),
    row('newest first', order!),
    row('with an exact total, counted for the page before', total!),
    row('of one code since a day', code!),
  ];
}

async function repeat(operation: () => Promise<unknown>, times: number): Promise<void> {
  for (let done = 0; done < times; done++) await operation();
}

function applyAll(
  writer: ReturnType<typeof createProjectionWriter>,
  contents: readonly MessageContent[],
  first: number,
): void {
  const results = writer.apply(
    contents.map((content, at) => ({ seq: first + at + 1, replay: 0, content })),
    Date.now(),
  );
  for (const result of results) if ('error' in result) throw result.error;
}

async function applying(folder: string): Promise<Row[]> {
  let files = 0;
  const rounds: number[] = [];
  const bare: number[] = [];
  const measure = (work: () => void): number => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const writer = createProjectionWriter(
    openDatabase(join(folder, `apply-${(files += 1)}.sqlite`), PROJECTION_MIGRATIONS),
    { zone },
  );
  const database = openDatabase(join(folder, 'bare.sqlite'), [
    'CREATE TABLE bare (id TEXT PRIMARY KEY, json TEXT) STRICT',
  ]);
  const put = database.prepare('INSERT OR REPLACE INTO bare (id, json) VALUES (?, ?)');
  for (let at = 0; at < 6_000; at += BATCH) {
    const contents = Array.from({ length: BATCH }, (_, index) =>
      message(at + index, { patient: (at + index) % 1500 }),
    );
    const ours = measure(() => applyAll(writer, contents, at));
    const peer = measure(() => {
      database.exec('BEGIN IMMEDIATE');
      for (const { changes } of contents)
        for (const { resource } of changes) put.run(nameOf(resource), JSON.stringify(resource));
      database.exec('COMMIT');
    });
    if (at >= 1_000) {
      rounds.push(ours / BATCH);
      bare.push(peer / BATCH);
    }
  }
  writer.close();
  database.close();
  const mean = (all: readonly number[]) => all.reduce((sum, it) => sum + it, 0) / all.length;
  return [
    costRow('a message applied, half ADT, half ORU of ten results', mean(rounds), mean(bare), 'us CPU'),
  ];
}

const nameOf = ({ resourceType, id }: ResourceChange['resource']): string => `${resourceType}/${id}`;
