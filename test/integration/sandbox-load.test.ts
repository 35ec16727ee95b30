import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatReport, runLoad } from '../../sandbox/load/index.ts';

/** A FHIR base that answers as told. */
async function openApi(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
}

const patients = Array.from({ length: 30 }, (_, i) => ({ id: `p${i}`, identifier: `urn:mrn|${i}` }));
const ok = (response: ServerResponse, body = '{"resourceType":"Bundle"}', status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/fhir+json', 'x-served-by': 'legacy:core' });
  response.end(body);
};

describe('the load generator', () => {
  it('sends what is due although nothing is answered, and counts the waiting', async () => {
    const held: ServerResponse[] = [];
    let most = 0;
    const fhirBase = await openApi((_request, response) => {
      held.push(response);
      most = Math.max(most, held.length);
      // Everything is held until the last request has come.
      if (held.length === 40) for (const one of held.splice(0)) ok(one);
    });
    const report = await runLoad({ fhirBase, patients, reads: 80, seconds: 0.5 });
    expect(most).toBe(40);
    expect(report).toMatchObject({ sent: 40, answered: 40, failed: 0, byStatus: { 200: 40 } });
    expect(report.byServedBy).toEqual({ 'legacy:core': 40 });
    // The first waited for the last, which was due 0.4875 s later.
    expect(report.latencyMs.max).toBeGreaterThanOrEqual(480);
    expect(report.latencyMs.p50).toBeLessThanOrEqual(report.latencyMs.p99);
  });

  it('asks for every patient in turn, in many shapes, and the same again under the same seed', async () => {
    const asked: string[] = [];
    const fhirBase = await openApi((request, response) => {
      asked.push(request.url ?? '');
      ok(response);
    });
    const run = async (): Promise<{ urls: string[]; shapes: readonly string[]; patients: number }> => {
      asked.length = 0;
      const report = await runLoad({
        fhirBase,
        patients,
        reads: 600,
        seconds: 0.5,
        endpoints: ['Observation.search'],
      });
      return { urls: asked.toSorted(), shapes: report.shapes, patients: report.patients };
    };
    const first = await run();
    expect(first.urls).toHaveLength(300);
    expect(first.patients).toBe(30);
    expect(first.shapes.length).toBeGreaterThanOrEqual(9);
    expect(first.shapes).toContain('code,date,patient');
    expect(first.urls.every((url) => url.startsWith('/fhir/Observation?'))).toBe(true);
    expect(await run()).toEqual(first);
  });

  it('says what failed, and how', async () => {
    let number = 0;
    const fhirBase = await openApi((_request, response) => {
      number += 1;
      if (number % 4 === 0) ok(response, '{}', 503);
      else if (number % 4 === 1) response.destroy();
      else if (number % 4 === 2) ok(response, '{}', 404);
      else ok(response);
    });
    const report = await runLoad({ fhirBase, patients, reads: 200, seconds: 0.2, timeoutMs: 5_000 });
    expect(report.byStatus).toEqual({ 200: 10, 404: 10, 503: 10, 'no answer': 10 });
    expect(report).toMatchObject({ sent: 40, answered: 30, failed: 20 });
    expect(Object.values(report.errors).reduce((sum, count) => sum + count, 0)).toBe(10);
    const text = formatReport(report);
    expect(text).toContain('40 requests');
    expect(text).toContain('503 × 10');
  });

  it('gives up an answer that does not come', async () => {
    const fhirBase = await openApi(() => {});
    const report = await runLoad({ fhirBase, patients, reads: 50, seconds: 0.1, timeoutMs: 200 });
    expect(report.errors).toEqual({ timeout: 5 });
  });

  it('with readers: never asks more at once, and each again as soon as it has its answer', async () => {
    let [open, most] = [0, 0];
    const fhirBase = await openApi((_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        ok(response);
      }, 5);
    });
    const stop = new AbortController();
    let ended = 0;
    const onOutcome = (): void => void ((ended += 1) === 12 && stop.abort());
    const report = await runLoad({
      fhirBase,
      patients,
      readers: 3,
      seconds: 600,
      signal: stop.signal,
      onOutcome,
    });
    expect(most).toBe(3);
    expect(report.sent).toBeGreaterThan(3);
    expect(report).toMatchObject({ answered: report.sent, failed: 0 });
  });

  it('with readers: draws breath while nobody answers', async () => {
    let asked = 0;
    const fhirBase = await openApi((request) => {
      asked += 1;
      request.socket.destroy();
    });
    const report = await runLoad({ fhirBase, patients, readers: 2, seconds: 0.5 });
    expect(report).toMatchObject({ sent: asked, answered: 0, failed: asked });
    // Two readers, a tenth of a second between two questions of each.
    expect(asked).toBeLessThanOrEqual(12);
  });

  it('stops at the abort and reports what was until then', async () => {
    const stop = new AbortController();
    const fhirBase = await openApi((_request, response) => ok(response));
    const report = await runLoad({
      fhirBase,
      patients,
      reads: 100,
      seconds: 600,
      signal: stop.signal,
      onOutcome: () => stop.abort(),
    });
    expect(report.sent).toBeGreaterThan(0);
    expect(report.seconds).toBeLessThan(60);
  });

  it('books and changes bookings, one change of a booking at a time, a key with one write in ten', async () => {
    const keys: string[] = [];
    const busy = new Set<string>();
    let overlapping = 0;
    let numbered = 0;
    const fhirBase = await openApi((request, response) => {
      const { 'idempotency-key': key } = request.headers;
      if (typeof key === 'string') keys.push(key);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const resource = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        const id = request.method === 'POST' ? `a${(numbered += 1)}` : String(resource['id']);
        if (busy.has(id)) overlapping += 1;
        busy.add(id);
        setTimeout(() => {
          busy.delete(id);
          ok(response, JSON.stringify({ ...resource, id }), request.method === 'POST' ? 201 : 200);
        }, 20);
      });
    });
    // Slow enough that most bookings are made before their changes are due, also when all stand still for a second.
    const report = await runLoad({ fhirBase, patients, reads: 0, writes: 50, seconds: 4 });
    expect(report.sent).toBe(200);
    expect(report.accepted).toHaveLength(200);
    expect(overlapping).toBe(0);
    expect(keys).toHaveLength(20);
    expect(new Set(keys).size).toBe(20);
    const created = report.accepted.filter(({ endpoint }) => endpoint === 'Appointment.create');
    const updated = report.accepted.filter(({ endpoint }) => endpoint === 'Appointment.update');
    expect(created.length).toBeGreaterThan(100);
    expect(updated.length).toBeGreaterThan(50);
    // A change keeps the number of the booking that it changes.
    const references = new Map(created.map(({ id, reference }) => [id, reference]));
    expect(references.size).toBe(created.length);
    for (const { id, reference } of updated) expect(references.get(id)).toBe(reference);
  });
});
