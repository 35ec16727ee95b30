import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';
import { found, msh, openLine, pdq, segment, segments, type Line } from '../unit/sandbox/support/line.ts';

let core: LegacyCore;
let line: Line;
beforeEach(async () => {
  core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security: false });
  onTestFinished(() => core.close());
  line = await openLine(core.mllpPort);
});

async function send(message: string): Promise<string[]> {
  line.send(message);
  return line.answer();
}

async function patient(number: string, authority = 'HOSP'): Promise<string[]> {
  return segment(await send(pdq(`@PID.3.1^${number}~@PID.3.4^${authority}`)), 'PID');
}

const header = (type: string, options: Parameters<typeof msh>[1] = {}): string =>
  `${msh(type, options)}\nEVN||20261122`;
const add = (pid: string, options: Parameters<typeof msh>[1] = {}): string =>
  `${header('ADT^A28^ADT_A05', options)}\n${pid}`;
const update = (pid: string): string => `${header('ADT^A31^ADT_A05')}\n${pid}`;

describe('ADT^A28', () => {
  it('assigns a number of the hospital, says it, and the patient can be found by all its numbers', async () => {
    const answer = await send(add('PID|||G-1^^^FICUS&2.999.1.99&ISO^PI||Ünal^Eda^^^^^L||19950505|F'));
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    const [own, other] = (segment(answer, 'PID')[3] ?? '').split('~');
    expect(own).toMatch(/^1009\d\d\^\^\^HOSP&2\.999\.1\.1&ISO\^MR$/);
    expect(other).toBe('G-1^^^FICUS&2.999.1.99&ISO^PI');
    expect((await patient(own?.split('^')[0] ?? ''))[5]).toBe('Ünal^Eda^^^^^L');
    expect((await patient('G-1', 'FICUS'))[5]).toBe('Ünal^Eda^^^^^L');
  });

  it('keeps a number that the sender gives, and every field and escape as it was sent', async () => {
    const pid =
      'PID|||555^^^HOSP^MR||A\\F\\B\\R\\C^D\\T\\E\\X41\\^^^^^L||19950505||||X&Y&1^^Z|||||||||||||||DE';
    await send(add(`${pid}\nZPI|1|VIP^Y|||RAW^\\Z01\\`));
    const answer = await send(pdq('@PID.3.1^555~@PID.3.4^HOSP'));
    expect(segment(answer, 'PID').slice(2).join('|')).toBe(pid.split('|').slice(2).join('|'));
    expect(segment(answer, 'ZPI').join('|')).toBe('ZPI|1|VIP^Y|||RAW^\\Z01\\');
  });

  it.each([
    ['a number that is taken', 'PID|||100001^^^HOSP||New^One', '205', 'PID^1^3'],
    ['a clinic number that is taken', 'PID|||C-20101^^^&2.999.1.2&ISO||New^One', '205', 'PID^1^3'],
    ['no name', 'PID|||||', '101', 'PID^1^5'],
    ['no PID', 'PV1|1|O', '100', 'PID^1'],
  ])('refuses %s', async (_what, pid, code, location) => {
    const before = core.hospital().patients.all().length;
    const answer = await send(add(pid));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'ERR')[2]).toBe(location);
    expect(segment(answer, 'ERR')[3]).toContain(code);
    expect(core.hospital().patients.all()).toHaveLength(before);
  });
});

describe('ADT^A31', () => {
  it('leaves what is empty, deletes what is "", replaces the rest', async () => {
    const before = await patient('100001');
    const answer = await send(update('PID|||100001^^^HOSP||||""||||Neuweg 1^^Neustadt|||""|'));
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    const after = await patient('100001');
    expect(after[5]).toBe(before[5]);
    expect(after[7]).toBe('');
    expect(after[8]).toBe('F');
    expect(after[11]).toBe('Neuweg 1^^Neustadt');
    expect(after[13]).toBe(before[13]);
    expect(after[14]).toBe('');
  });

  it('cannot take the number of the hospital away, and adds new ones', async () => {
    await send(update('PID|||C-20011^^^CLINIC~NEW-1^^^FICUS||'));
    expect(found(await send(pdq('@PID.3.1^NEW-1~@PID.3.4^FICUS')))).toEqual(['100002']);
    expect(found(await send(pdq('@PID.3.1^100078~@PID.3.4^HOSP')))).toEqual(['100002']);
  });

  it('takes away numbers of others that are not told again', async () => {
    await send(update('PID|||100002^^^HOSP'));
    expect((await patient('100002'))[3]?.split('~')).toHaveLength(3);
    expect(found(await send(pdq('@PID.3.1^C-20011~@PID.3.4^CLINIC')))).toEqual([]);
  });

  it('replaces the next of kin as a whole, and removes them all for ""', async () => {
    await send(`${update('PID|||100004^^^HOSP')}\nNK1|1|Neu^Oma|GRP`);
    const answer = await send(pdq('@PID.3.1^100004~@PID.3.4^HOSP'));
    expect(segments(answer, 'NK1').map((nk1) => nk1[2])).toEqual(['Neu^Oma']);
    await send(`${update('PID|||100004^^^HOSP')}\nNK1|1|""`);
    expect(segments(await send(pdq('@PID.3.1^100004~@PID.3.4^HOSP')), 'NK1')).toEqual([]);
  });

  it.each([
    ['an unknown patient', 'PID|||999999^^^HOSP||X^Y', '204'],
    ['no number', 'PID|||||X^Y', '101'],
    ['numbers of two patients', 'PID|||100001^^^HOSP~100004^^^HOSP||X^Y', '205'],
  ])('refuses %s', async (_what, pid, code) => {
    const answer = await send(update(pid));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'ERR')[3]?.split('^')[0]).toBe(code);
  });
});

describe('OML^O21 and OSQ^Q06', () => {
  const order = (
    orders: string,
    pid = 'PID|||100001^^^HOSP',
    options: Parameters<typeof msh>[1] = {},
  ): string => `${msh('OML^O21^OML_O21', options)}\n${pid}\n${orders}`;
  const status = (number: string): string =>
    `${msh('OSQ^Q06^OSQ_Q06')}\nQRD|20261122|R|I|Q9|||1^RD|100001|ORD|${number}`;

  it('takes an order, numbers it, and tells its status by the placer number', async () => {
    const answer = await send(order('ORC|NW|PL-1^GATE\nOBR|1|PL-1^GATE||GLU^Glukose^L\nNTE|1||nüchtern'));
    expect(segment(answer, 'MSH')[8]).toBe('ORL^O22^ORL_O22');
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    expect(segment(answer, 'ORC').slice(1, 3)).toEqual(['OK', 'PL-1^GATE']);
    const filler = segment(answer, 'ORC')[3];
    const asked = await send(status('PL-1'));
    expect(segment(asked, 'MSH')[8]).toBe('OSR^Q06^OSR_Q06');
    expect(segment(asked, 'QAK').slice(1)).toEqual(['Q9', 'OK']);
    expect(segment(asked, 'ORC').slice(1)).toEqual(['SR', 'PL-1^GATE', filler, '', 'IP']);
    expect(segment(asked, 'OBR')[4]).toBe('GLU^Glukose^L');
  });

  it('says that it does not know an order', async () => {
    const answer = await send(status('PL-NEVER'));
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    expect(segment(answer, 'QAK')[2]).toBe('NF');
    expect(segment(answer, 'ORC')).toEqual([]);
  });

  it('cancels', async () => {
    await send(order('ORC|NW|PL-2\nOBR|1|||14749-6^Glucose^LN'));
    const answer = await send(order('ORC|CA|PL-2\nOBR|1|PL-2||14749-6^Glucose^LN'));
    expect(segment(answer, 'ORC')[1]).toBe('CR');
    expect(segment(await send(status('PL-2')), 'ORC')[5]).toBe('CA');
  });

  it.each([
    ['an unknown patient', 'ORC|NW|P1\nOBR|1|P1||GLU', 'PID|||999^^^HOSP', '204', 'PID^1^3'],
    ['a missing service', 'ORC|NW|P1\nOBR|1|P1||', undefined, '101', 'OBR^1^4'],
    ['an unknown service', 'ORC|NW|P1\nOBR|1|P1||NOPE^Nope^L', undefined, '103', 'OBR^1^4'],
    ['a missing placer number', 'ORC|NW\nOBR|1|||GLU', undefined, '101', 'ORC^1^2'],
    ['an unknown order control', 'ORC|ZZ|P1\nOBR|1|P1||GLU', undefined, '103', 'ORC^1^1'],
    ['an unknown order to cancel', 'ORC|CA|P1\nOBR|1|P1||GLU', undefined, '204', 'ORC^1^2'],
    [
      'the second of two orders',
      'ORC|NW|P1\nOBR|1|P1||GLU\nORC|NW|P2\nOBR|2|P2||NOPE',
      undefined,
      '103',
      'OBR^2^4',
    ],
  ])('refuses %s, and keeps nothing of the message', async (_what, orders, pid, code, location) => {
    const answer = await send(order(orders, pid));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'ERR')[2]).toBe(location);
    expect(segment(answer, 'ERR')[3]?.split('^')[0]).toBe(code);
    expect(core.hospital().orders.all()).toEqual([]);
  });

  it('refuses a placer number that is taken', async () => {
    await send(order('ORC|NW|P1\nOBR|1|P1||GLU'));
    const answer = await send(order('ORC|NW|P1\nOBR|1|P1||CREA'));
    expect(segment(answer, 'ERR')[3]?.split('^')[0]).toBe('205');
    expect(core.hospital().orders.all()).toHaveLength(1);
  });
});

describe('a message that comes again', () => {
  const message = `${msh('OML^O21^OML_O21', { id: 'SAME' })}\nPID|||100001^^^HOSP\nORC|NW|P9\nOBR|1|P9||GLU`;

  it('is acknowledged as before and not done again, also when MSH-7 differs and on another connection', async () => {
    line.send(message);
    const first = await line.bytes();
    const other = await openLine(core.mllpPort);
    other.send(message.replace('20261122101500', '20261122101959'));
    expect(await other.bytes()).toEqual(first);
    expect(core.hospital().orders.all()).toHaveLength(1);
    expect(core.journal.list({ outcome: 'duplicate' })).toHaveLength(1);
  });

  it('is refused when the control id was used for something else', async () => {
    await send(message);
    const answer = await send(message.replaceAll('P9', 'P10'));
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AE', 'SAME']);
    expect(segment(answer, 'ERR').slice(2, 4)).toEqual(['MSH^1^10', '205^Duplicate key identifier^HL70357']);
    expect(core.hospital().orders.all()).toHaveLength(1);
  });

  it('is another message when the sender is another', async () => {
    await send(message);
    const answer = await send(message.replace('TESTER', 'OTHER').replaceAll('P9', 'P10'));
    expect(segment(answer, 'MSA')[1]).toBe('AA');
  });
});
