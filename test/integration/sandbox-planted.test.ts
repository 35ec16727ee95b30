import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { parseDialCommand } from '../../sandbox/faults/shorthand.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
  onTestFinished(() => sandbox.close());
  for (const [id, status] of [
    ['one', 'final'],
    ['two', 'amended'],
    ['three', 'final'],
  ] as const) {
    const body = `{"resourceType":"Observation","id":"${id}","status":"${status}","code":{"coding":[{"system":"http://loinc.org","code":"14749-6"}]},"effectiveDateTime":"2026-06-11T09:58:00+02:00","valueQuantity":{"value":5.40,"unit":"mmol/L","code":"mmol/L"}}`;
    await fetch(`${sandbox.addresses.modern}/Observation/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body,
    });
  }
});

/** As `ficus sandbox dial` does it. */
async function dial(line: string): Promise<void> {
  const [service = '', ...args] = line.split(' ');
  const { clear, dials } = parseDialCommand(service, args);
  const { control } = sandbox.addresses;
  if (clear) await fetch(`${control}/dials`, { method: 'DELETE' });
  for (const one of dials) {
    const response = await fetch(`${control}/dials?replace=true`, {
      method: 'POST',
      body: JSON.stringify(one),
    });
    expect(response.status).toBe(201);
  }
}

const text = async (path: string): Promise<string> =>
  (await fetch(`${sandbox.addresses.modern}/${path}`)).text();
const ids = async (path: string): Promise<string[]> =>
  (JSON.parse(await text(path)) as { entry: { resource: { id: string } }[] }).entry.map(
    ({ resource }) => resource.id,
  );

describe('a planted fault', () => {
  it('is in what is read and found, and gone with its dial; what is stored stays right', async () => {
    const before = await text('Observation/two');
    await dial('observations --wrong-unit 100 --utc-without-offset --final-for-amended');
    for (const answer of [await text('Observation/two'), await text('Observation?_id=two')]) {
      expect(answer).toContain('"status":"final"');
      expect(answer).toContain('"effectiveDateTime":"2026-06-11T07:58:00"');
      expect(answer).toContain('"value":5.40,"unit":"mg/dL","code":"mg/dL"');
    }
    // The search itself still goes by what is stored.
    expect(await ids('Observation?status=amended')).toEqual(['two']);
    await dial('observations --clear');
    expect(await text('Observation/two')).toBe(before);
  });

  it('does not touch what is written', async () => {
    await dial('observations --final-for-amended');
    const response = await fetch(`${sandbox.addresses.modern}/Observation/four`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: '{"resourceType":"Observation","id":"four","status":"amended","code":{"text":"x"}}',
    });
    expect(await response.json()).toMatchObject({ status: 'amended' });
  });

  it('turns a page round, of one operation only when it is said', async () => {
    expect(await ids('Observation')).toEqual(['one', 'two', 'three']);
    await dial('observations --other-order --operation Observation.search');
    expect(await ids('Observation')).toEqual(['three', 'two', 'one']);
    await dial('observations --clear --other-order --operation Appointment.search');
    expect(await ids('Observation')).toEqual(['one', 'two', 'three']);
  });

  it('is named in the list of what was received', async () => {
    await dial('observations --final-for-amended');
    await text('Observation/two');
    const { received } = (await (
      await fetch(`${sandbox.addresses.control}/received?fault=final-for-amended`)
    ).json()) as { received: { operation: string }[] };
    expect(received.map(({ operation }) => operation)).toEqual(['Observation.read']);
  });

  it('set again replaces the dial that was there', async () => {
    await dial('observations --wrong-unit 5');
    await dial('observations --wrong-unit 10 --5xx 1');
    await dial('observations --5xx 2');
    const { dials } = (await (await fetch(`${sandbox.addresses.control}/dials`)).json()) as {
      dials: { fault: string; percent: number }[];
    };
    expect(dials.map(({ fault, percent }) => [fault, percent])).toEqual([
      ['wrong-unit', 10],
      ['status', 2],
    ]);
  });

  it('is explained by the control API', async () => {
    const { faults } = (await (await fetch(sandbox.addresses.control)).json()) as {
      faults: { fault: string; about: string; protocols: string[] }[];
    };
    expect(faults.find(({ fault }) => fault === 'wrong-unit')).toMatchObject({
      about: expect.stringContaining('glucose'),
      protocols: ['modern'],
    });
  });
});

describe('a fault of the wire, in short', () => {
  it('--5xx 30 fails about three calls of ten, and what was not done is not done', async () => {
    await dial('observations --5xx 30');
    const statuses: number[] = [];
    for (let i = 0; i < 60; i += 1)
      statuses.push((await fetch(`${sandbox.addresses.modern}/Observation/one`)).status);
    const failed = statuses.filter((status) => status === 503).length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(30);
    expect(statuses.length - failed).toBe(statuses.filter((status) => status === 200).length);
  });

  it('--huge answers with so much', async () => {
    await dial('observations --huge 3MB');
    expect((await text('Observation/one')).length).toBeGreaterThanOrEqual(3_000_000);
  });

  it('--down refuses connections until it is cleared', async () => {
    await dial('observations --down');
    await expect(fetch(`${sandbox.addresses.modern}/metadata`)).rejects.toThrow();
    await dial('observations --clear');
    expect((await fetch(`${sandbox.addresses.modern}/metadata`)).status).toBe(200);
  });

  it('--hang never answers', async () => {
    await dial('observations --hang');
    const waiting = fetch(`${sandbox.addresses.modern}/metadata`, { signal: AbortSignal.timeout(300) });
    await expect(waiting).rejects.toThrow('timeout');
  });
});
