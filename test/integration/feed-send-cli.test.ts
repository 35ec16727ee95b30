import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createAuthority, hasOpenssl } from './certificates.ts';
import { ackText, frame, startCore, unusedPort } from './mllp-core.ts';
import type { Received } from './mllp-core.ts';

const FICUS = fileURLToPath(new URL('../../bin/ficus.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ficus-send-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of messages that ask to be acknowledged as MSH-15 and MSH-16 say. */
function fileOf(
  ...messages: readonly { readonly id: string; readonly asks?: string; readonly type?: string }[]
): string {
  const file = join(folder, `${messages.map(({ id }) => id).join('-')}.hl7`);
  const text = messages.map(
    ({ id, asks = '|', type = 'ADT^A04' }) =>
      `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102||${type}|${id}|P|2.5.1|||${asks}\rMSA|AA|X\rPID|1||4711\r`,
  );
  writeFileSync(file, text.join(''));
  return file;
}

/** `ficus feed send ...`, as it is typed. */
function send(...words: string[]): Promise<{ code: number | string; lines: string[]; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, COLUMNS: '1000' };
    execFile(process.execPath, [FICUS, 'feed', 'send', ...words], { env }, (error, stdout, stderr) => {
      const lines = stdout
        .replaceAll(`${folder}/`, '')
        .replace(/ in [\d.]+ s/, '')
        .trimEnd()
        .split('\n');
      resolve({ code: error?.code ?? 0, lines, stderr });
    });
  });
}

async function listen(
  onMessage: (message: Received) => void,
  more = {},
): Promise<{ to: string; received: Received[] }> {
  const core = await startCore(onMessage, more);
  onTestFinished(() => core.close());
  return { to: `127.0.0.1:${core.port}`, received: core.received };
}

describe('ficus feed send', () => {
  it('tells of both acknowledgements, and sends the next message when the one before is safe', async () => {
    const waiting: Received[] = [];
    const { to } = await listen((message) => {
      message.ack('CA');
      // Processed late, in another order.
      if (waiting.push(message) === 2) for (const one of waiting.toReversed()) one.ack('AA');
    });
    const { code, lines } = await send(
      fileOf({ id: 'A1', asks: 'AL|AL' }, { id: 'A2', asks: 'AL|AL' }),
      '--to',
      to,
    );
    expect(lines).toEqual([
      'A1-A2.hl7 #1  CA; the application acknowledgement is to follow',
      'A1-A2.hl7 #2  CA; the application acknowledgement is to follow',
      'A1-A2.hl7 #2  AA',
      'A1-A2.hl7 #1  AA',
      '2 messages: 2 CA, 2 AA',
    ]);
    expect(code).toBe(0);
  });

  it('says where an application acknowledgement goes that does not come here', async () => {
    const { to } = await listen((message) => message.ack('CA'));
    const file = fileOf({ id: 'B1', asks: 'AL|AL' });
    const heard = await send(file, '--to', to, '--wait', '2');
    expect(heard.lines[0]).toBe('B1.hl7 #1  CA; the application acknowledgement is to follow');
    expect(heard.lines[1]).toBe('1 message: 1 CA');
    expect(heard.lines[2]).toMatch(/1 application acknowledgement .* reply address .*`ficus feed answers`/);
    expect(heard.code).toBe(3);
    expect(await send(file, '--to', to, '--elsewhere')).toMatchObject({
      code: 0,
      lines: ['B1.hl7 #1  CA', '1 message: 1 CA'],
    });
  });

  it('does not wait for what nobody answers: an acknowledgement, and a message that asks for nothing', async () => {
    const { to, received } = await listen(() => {});
    const file = fileOf({ id: 'C1', type: 'ACK' }, { id: 'C2', asks: 'NE|NE' });
    const { code, lines } = await send(file, '--to', to);
    expect(lines).toEqual([
      'C1-C2.hl7 #1  sent; it is an acknowledgement, which nobody acknowledges',
      'C1-C2.hl7 #2  sent; it asks for NE (MSH-15) when it is safe and NE (MSH-16) when it is processed',
      '2 messages: 2 without an answer',
    ]);
    expect(code).toBe(0);
    expect(received.map(({ controlId }) => controlId)).toEqual(['C1', 'C2']);
  });

  it('tells refusals, also those of the application, by the exit code 1', async () => {
    const { to } = await listen((message) => {
      if (message.controlId === 'D2') message.ack('CA');
      const text = ackText(message.controlId, message.controlId === 'D1' ? 'AE' : 'AR');
      message.socket.write(frame(`${text}ERR||PID^1^3|101|E\r`));
    });
    const { code, lines } = await send(fileOf({ id: 'D1' }, { id: 'D2', asks: 'AL|AL' }), '--to', to);
    expect(lines).toEqual([
      'D1-D2.hl7 #1  AE PID^1^3 101',
      'D1-D2.hl7 #2  CA; the application acknowledgement is to follow',
      'D1-D2.hl7 #2  AR PID^1^3 101',
      '2 messages: 1 AE, 1 CA, 1 AR',
    ]);
    expect(code).toBe(1);
  });

  it('sends again what was not acknowledged, and says so by the exit code 2 when it never is', async () => {
    let times = 0;
    const { to, received } = await listen((message) => {
      times += 1;
      if (times === 1) message.socket.destroy();
      else if (message.controlId === 'E1') message.ack();
    });
    const file = fileOf({ id: 'E1' }, { id: 'E2' });
    const { code, lines } = await send(file, '--to', to, '--wait', '3', '--attempts', '2');
    expect(lines.slice(0, 3)).toEqual([
      'E1-E2.hl7 #1  AA',
      'E1-E2.hl7 #2  not acknowledged: no answer came',
      '2 messages: 1 AA, 1 not acknowledged',
    ]);
    expect(code).toBe(2);
    expect(received.map(({ controlId }) => controlId)).toEqual(['E1', 'E1', 'E2', 'E2']);
    const nobody = await send(file, '--to', `127.0.0.1:${await unusedPort()}`, '--attempts', '1');
    expect(nobody.lines[0]).toMatch(/cannot be reached \(ECONNREFUSED\)$/);
    expect(nobody.code).toBe(2);
  });

  it('says how far it is where many are sent', async () => {
    const { to } = await listen((message) => {
      if (message.controlId === 'F30') setTimeout(() => message.ack(), 6_000);
      else message.ack();
    });
    const many = Array.from({ length: 30 }, (_, nth) => ({ id: `F${nth + 1}` }));
    const { code, lines, stderr } = await send(fileOf(...many), '--to', to);
    expect(stderr).toMatch(/\b\d+ of 30 messages answered/);
    expect(lines).toEqual(['30 messages: 30 AA']);
    expect(code).toBe(0);
  });

  it.skipIf(!hasOpenssl())('speaks TLS, with a certificate of its own', async () => {
    const authority = createAuthority();
    onTestFinished(() => authority.remove());
    const [server, client] = [authority.issue('/CN=feed.test'), authority.issue('/CN=hospix.test')];
    const files = { ca: authority.ca, cert: client.cert, key: client.key };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), text);
    const { to } = await listen((message) => message.ack(), {
      tls: { ...server, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
    });
    const pem = (name: string): string[] => [`--${name}`, join(folder, `${name}.pem`)];
    const words = [fileOf({ id: 'G1' }), '--to', `mllps://${to.replace('127.0.0.1', 'localhost')}`];
    expect(await send(...words, ...pem('ca'), ...pem('cert'), ...pem('key'))).toMatchObject({
      code: 0,
      lines: ['G1.hl7 #1  AA', '1 message: 1 AA'],
    });
    expect(await send(...words, '--attempts', '1')).toMatchObject({ code: 2 });
    // Whoever shows no certificate is told why nobody answers.
    const { code, stderr, lines } = await send(...words, '--attempts', '1', ...pem('ca'));
    expect(code).toBe(2);
    expect(`${lines.join(' ')} ${stderr}`).toContain(
      'no answer came (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED)',
    );
  });
});
