import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createClientAsync } from 'soap';
import { createSoapClient } from '../adapters/soap/client.ts';
import { childOf, childrenOf, element } from '../adapters/soap/xml-element.ts';
import type { XmlElement } from '../adapters/soap/xml-element.ts';
import { systemClock } from '../src/clock.ts';

// A SOAP read: request written, sent over a kept connection, answer read and its fields taken. Ours against the client of
// the npm soap package, both made from the sandbox's WSDL, against one server in a process of its own that gives prepared bytes.

const NS = 'http://hospix.example/clinical/2009/11';
const WSDL = fileURLToPath(new URL('../sandbox/legacy-core/hospital.wsdl', import.meta.url));
const CONCURRENCY = 16;
const ROUNDS = 7;
const ROUND_MS = 700;
const SETTLE_MS = 300;

/** A read by one client; gives how many allergies it found. */
type Read = (rows: number) => Promise<number>;

interface Measured {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

/** Answers by the number of rows that the MRN asks for. */
function answerOf(rows: number): Buffer {
  const coded = (name: string, code: string, text: string): string =>
    `<${name}><Code>${code}</Code><Text>${text}</Text><CodingScheme>L</CodingScheme></${name}>`;
  const allergy = (n: number): string =>
    `<Allergy><AllergyNo>A${1000 + n}</AllergyNo><RowVersion>1</RowVersion><Patient><MRN>100234</MRN>` +
    `<AssigningAuthority>HOSP</AssigningAuthority></Patient><RecordStatus>ACTIVE</RecordStatus>` +
    `<AllergyType>ALLERGY</AllergyType>${coded('Allergen', `D${n}`, 'Amoxicillin &amp; clavulanate')}</Allergy>`;
  return Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>' +
      `<FindAllergiesResponse xmlns="${NS}"><Result><ReturnCode>0</ReturnCode><ServerTime>2026-03-01T08:30:00</ServerTime></Result>` +
      `<Allergies>${Array.from({ length: rows }, (_, n) => allergy(n)).join('')}</Allergies></FindAllergiesResponse>` +
      '</soap:Body></soap:Envelope>',
  );
}

/**
 * The server's process: says its port to the parent. It knows just enough HTTP, one request at a time on a connection, to be out of
 * the way of what is measured.
 */
function serveAnswers(): void {
  const answers = new Map<string, Buffer>();
  const httpAnswer = (rows: string): Buffer => {
    const body = answerOf(Number(rows));
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/xml; charset=utf-8\r\ncontent-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  };
  const server = createServer((socket) => {
    let request = '';
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      request += chunk;
      const head = request.indexOf('\r\n\r\n');
      const length = Number(/content-length: *(\d+)/i.exec(request)?.[1] ?? Number.NaN);
      if (head < 0 || request.length < head + 4 + length) return;
      const rows = /MRN>(\d+)</.exec(request)?.[1] ?? '1';
      const answer = answers.get(rows) ?? httpAnswer(rows);
      answers.set(rows, answer);
      request = '';
      socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.on('disconnect', () => process.exit());
}

function ourRead(url: string): { read: Read; close: () => Promise<void> } {
  const client = createSoapClient({ url, version: '1.1', clock: systemClock, connections: CONCURRENCY });
  const fields = (row: XmlElement): unknown => ({
    number: childOf(row, NS, 'AllergyNo')?.text,
    status: childOf(row, NS, 'RecordStatus')?.text,
    text: childOf(childOf(row, NS, 'Allergen')!, NS, 'Text')?.text,
  });
  const read: Read = async (rows) => {
    const patient = element(NS, 'Patient', [
      element(NS, 'MRN', `${rows}`),
      element(NS, 'AssigningAuthority', 'HOSP'),
    ]);
    const body = element(NS, 'FindAllergies', [patient]);
    // As every request of an API client has.
    const { signal } = new AbortController();
    const deadline = Date.now() + 10_000;
    const reply = await client.call({ action: `${NS}/FindAllergies`, body, kind: 'query', signal, deadline });
    if (reply.kind === 'fault') throw new Error(reply.fault.text);
    return childrenOf(childOf(reply.body, NS, 'Allergies')!, NS, 'Allergy').map(fields).length;
  };
  return { read, close: () => client.close() };
}

interface PeerAnswer {
  readonly Allergies: { readonly Allergy: Record<string, { readonly Text?: string } | undefined>[] };
}

async function peerRead(url: string): Promise<Read> {
  const client = await createClientAsync(WSDL, {}, url);
  const find = client['FindAllergiesAsync'] as (criteria: unknown) => Promise<[PeerAnswer]>;
  return async (rows) => {
    const [{ Allergies }] = await find.call(client, {
      Patient: { MRN: `${rows}`, AssigningAuthority: 'HOSP' },
    });
    const fields = Allergies.Allergy.map((row) => [
      row['AllergyNo'],
      row['RecordStatus'],
      row['Allergen']?.Text,
    ]);
    return fields.length;
  };
}

/** After a moment in which what the other left for the garbage collector is gone. */
async function measure(read: Read, rows: number): Promise<Measured> {
  await run(read, rows, SETTLE_MS);
  return run(read, rows, ROUND_MS);
}

async function run(read: Read, rows: number, milliseconds: number): Promise<Measured> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() - start < milliseconds) {
      if ((await read(rows)) !== rows) throw new Error('A read lost rows.');
      calls++;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: calls / seconds, cpuMicroseconds: (user + system) / calls };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Rows of `npm run bench`: alternating rounds, medians. */
export default async function soapBench() {
  const server = fork(fileURLToPath(import.meta.url), ['soap-server']);
  const [port] = (await once(server, 'message')) as [number];
  const url = `http://127.0.0.1:${port}/ClinicalService`;
  const ours = ourRead(url);
  const peer = await peerRead(url);
  const table = [];
  for (const { rows, target } of [
    { rows: 1, target: 8 },
    { rows: 55, target: 4 },
  ]) {
    const name = `SOAP read, answer of ${(answerOf(rows).length / 1000).toFixed(1)} kB, ${CONCURRENCY} at a time`;
    const measured = { ours: [] as Measured[], peer: [] as Measured[] };
    for (let round = 0; round < ROUNDS; round++) {
      measured.ours.push(await measure(ours.read, rows));
      measured.peer.push(await measure(peer, rows));
    }
    const rate = (of: readonly Measured[]): number => median(of.map(({ perSecond }) => perSecond));
    const cost = (of: readonly Measured[]): number =>
      median(of.map(({ cpuMicroseconds }) => cpuMicroseconds));
    const [a, b] = [rate(measured.ours), rate(measured.peer)];
    const [c, d] = [cost(measured.ours), cost(measured.peer)];
    table.push(
      { name: `${name} (npm soap)`, ours: a, peer: b, ratio: a / b, unit: 'reads/s', target },
      { name: `${name}, CPU (npm soap)`, ours: c, peer: d, ratio: d / c, unit: 'us CPU a read' },
    );
  }
  await ours.close();
  server.disconnect();
  return table;
}

if (process.argv[2] === 'soap-server') serveAnswers();
