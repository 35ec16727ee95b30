import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';
import { found, frameOf, msh, openLine, pdq, segment } from '../unit/sandbox/support/line.ts';

let core: LegacyCore;
beforeAll(async () => {
  core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security: false });
});
afterAll(() => core.close());

async function send(message: string | Buffer): Promise<string[]> {
  const line = await openLine(core.mllpPort);
  line.send(message);
  return line.answer();
}

describe('what the core cannot do is refused with AR', () => {
  it.each([
    ['another message type', msh('ORU^R01'), '200', 'MSH^1^9^1^1'],
    ['another event', msh('ADT^A01'), '201', 'MSH^1^9^1^2'],
    ['another processing id', msh('ADT^A28').replace('|P|', '|X|'), '202', 'MSH^1^11'],
    ['another version', msh('ADT^A28', { version: '3.0' }), '203', 'MSH^1^12'],
    ['no control id', msh('ADT^A28', { id: '' }), '101', 'MSH^1^10'],
  ])('%s', async (_what, message, code, location) => {
    const answer = await send(message);
    expect(segment(answer, 'MSA')[1]).toBe('AR');
    expect(segment(answer, 'ERR')[2]).toBe(location);
    expect(segment(answer, 'ERR')[3]?.split('^')[0]).toBe(code);
  });

  it('in the older ERR form to older senders', async () => {
    const answer = await send(msh('ORU^R01', { version: '2.3' }));
    expect(segment(answer, 'ERR')[1]).toBe('MSH^1^9^200&Unsupported message type&HL70357');
  });
});

describe('enhanced acknowledgement', () => {
  const add = (rest: string, pid = 'PID|||||Enhanced^Ann'): string =>
    `${msh('ADT^A28^ADT_A05', { rest })}\n${pid}`;
  // MSH-15 and MSH-16 follow MSH-12 after |||
  it.each([
    ['AL and AL: commit, then application', '|||AL|AL', 'PID|||||A^B', ['CA', 'AA']],
    ['AL and NE: commit only', '|||AL|NE', 'PID|||||A^B', ['CA']],
    ['NE and AL: application only', '|||NE|AL', 'PID|||||A^B', ['AA']],
    ['only MSH-15 valued: commit only', '|||AL', 'PID|||||A^B', ['CA']],
    ['ER and ER, all well: nothing', '|||ER|ER', 'PID|||||A^B', []],
    ['SU and ER, content refused: commit, then error', '|||SU|ER', 'PID|||100001^^^HOSP||A^B', ['CA', 'AE']],
  ])('%s', async (_what, rest, pid, codes) => {
    const line = await openLine(core.mllpPort);
    line.send(add(rest, pid));
    // What comes after shows that no further acknowledgement was sent.
    line.send(pdq('@PID.5.1^Haller', { id: 'AFTER' }));
    const seen: string[] = [];
    for (
      let answer = await line.answer();
      segment(answer, 'MSA')[2] !== 'AFTER';
      answer = await line.answer()
    ) {
      seen.push(segment(answer, 'MSA')[1] ?? '');
    }
    expect(seen).toEqual(codes);
  });

  it('a commit reject takes the place of both', async () => {
    const line = await openLine(core.mllpPort);
    line.send(msh('ORU^R01', { rest: '|||AL|AL' }));
    line.send(pdq('@PID.5.1^Haller', { id: 'AFTER2' }));
    expect(segment(await line.answer(), 'MSA')[1]).toBe('CR');
    expect(segment(await line.answer(), 'MSA')[2]).toBe('AFTER2');
  });
});

describe('character sets', () => {
  const query = (name: string, charset: string): string =>
    pdq(`@PID.5.1^${name}`).replace('|P|2.5', `|P|2.5||||||${charset}`);

  it('answers Latin-1 in Latin-1', async () => {
    const line = await openLine(core.mllpPort);
    line.send(Buffer.from(query('Müller', '8859/1').replaceAll('\n', '\r'), 'latin1'));
    const answer = (await line.bytes()).toString('latin1').split('\r');
    expect(segment(answer, 'PID')[5]).toContain('Müller^Jürgen');
    expect(segment(answer, 'MSH')[17]).toBe('8859/1');
  });

  it('answers in UTF-8, and says so, when Latin-1 cannot carry the names', async () => {
    const line = await openLine(core.mllpPort);
    line.send(
      Buffer.from(
        pdq('@PID.3.1^100012~@PID.3.4^HOSP').replace('|P|2.5', '|P|2.5||||||8859/1').replaceAll('\n', '\r'),
      ),
    );
    const answer = await line.answer();
    expect(segment(answer, 'PID')[5]).toContain('王^小明');
    expect(segment(answer, 'MSH')[17]).toBe('UNICODE UTF-8');
  });

  it('reads UTF-8 where MSH-18 says so', async () => {
    expect(found(await send(query('Παπαδόπουλος', 'UNICODE UTF-8')))).toEqual(['100011']);
  });

  it('refuses bytes that are not in the declared set, naming the control id', async () => {
    const text = pdq('@PID.5.1^M\u00fcller', { id: 'BAD-BYTES' }).replaceAll('\n', '\r');
    const answer = await send(Buffer.from(text, 'latin1'));
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AE', 'BAD-BYTES']);
    expect(segment(answer, 'ERR').slice(2, 4)).toEqual(['MSH^1^18', '102^Data type error^HL70357']);
  });

  it('refuses a set that it does not know', async () => {
    const answer = await send(query('Haller', 'GB 18030-2000'));
    expect(segment(answer, 'ERR')[3]).toContain('103^');
  });
});

describe('framing', () => {
  it('survives noise, frames in pieces and several frames at once', async () => {
    const line = await openLine(core.mllpPort);
    const frames = ['F1', 'F2', 'F3'].map((id) => frameOf(pdq('@PID.5.1^Haller', { id })));
    line.raw(Buffer.from('noise\r\n'));
    const bytes = Buffer.concat([...frames.slice(0, 2), Buffer.from('xx'), ...frames.slice(2)]);
    for (const byte of bytes.subarray(0, 40)) line.raw(Buffer.from([byte]));
    line.raw(bytes.subarray(40));
    for (const id of ['F1', 'F2', 'F3']) expect(segment(await line.answer(), 'MSA')[2]).toBe(id);
  });

  it('answers what is no HL7 with AE and goes on', async () => {
    const line = await openLine(core.mllpPort);
    line.send('GET / HTTP/1.1');
    expect(segment(await line.answer(), 'MSA')[1]).toBe('AE');
    line.send(pdq('@PID.5.1^Haller', { id: 'GOOD' }));
    expect(segment(await line.answer(), 'MSA').slice(1)).toEqual(['AA', 'GOOD']);
  });

  it('reads other delimiters and answers with the usual ones', async () => {
    const text =
      'MSH#*!?%#TESTER#LAB#HOSPIX#HOSP#20261122##QBP*Q22#OTHER1#P#2.5\nQPD#IHE PDQ Query#T#@PID.5.1*Haller\nRCP#I';
    const answer = await send(text);
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AA', 'OTHER1']);
    expect(found(answer)).toEqual(['100001']);
    expect(segment(answer, 'QPD')[3]).toBe('@PID.5.1^Haller');
  });
});
