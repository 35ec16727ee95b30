import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';
import { found, msh, openLine, pdq, segment, segments } from '../unit/sandbox/support/line.ts';

let core: LegacyCore;
beforeAll(async () => {
  core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security: false });
});
afterAll(() => core.close());

async function ask(criteria: string, options: Parameters<typeof pdq>[1] = {}): Promise<string[]> {
  const line = await openLine(core.mllpPort);
  line.send(pdq(criteria, options));
  return line.answer();
}

describe('QBP^Q22', () => {
  // A new case is a row: what is asked, who is found.
  it.each([
    ['number and namespace', '@PID.3.1^100001~@PID.3.4^HOSP', ['100001']],
    ['number and OID', '@PID.3.1^100001~@PID.3.4.2^2.999.1.1~@PID.3.4.3^ISO', ['100001']],
    ['a merged number finds the survivor', '@PID.3.1^100077~@PID.3.4^HOSP', ['100002']],
    ['a clinic number of a patient with both', '@PID.3.1^C-20011~@PID.3.4^CLINIC', ['100002']],
    ['a clinic number of a clinic patient', '@PID.3.1^C-20101~@PID.3.4^CLINIC', ['C-20101']],
    ['a number of the other authority finds nobody', '@PID.3.1^100001~@PID.3.4^CLINIC', []],
    ['an identifier as a whole', '@PID.3^100001&&&HOSP', ['100001']],
    ['family name, any case', '@PID.5.1^hAlLeR', ['100001']],
    ['family name without its accents', '@PID.5.1^nguyen', ['100036']],
    ['family name with a wildcard', '@PID.5.1^no*', ['100004', '100005', '100006']],
    ['a maiden name kept as an own name', '@PID.5.1^Kowalska', ['100006']],
    ['a name with an apostrophe', "@PID.5.1^o'neill", ['100002']],
    ['a Cyrillic name', '@PID.5.1^соколова', ['100010']],
    ['a Chinese name', '@PID.5.1^王', ['100012']],
    ['an Arabic name', '@PID.5.1^الأحمد', ['100013']],
    ['sharp s and ss', '@PID.11.1^schlossallee*', ['C-20102']],
    ['a middle name is a given name', '@PID.5.2^Maria~@PID.5.1^Haller', ['100001']],
    ['a name that holds delimiters', '@PID.5.1^Pipe\\F\\Caret*', ['100020']],
    ['birth day', '@PID.7^19620314', ['100001']],
    ['birth day of a record with the time', '@PID.7^20261119', ['100021']],
    ['a day does not find a record that knows only the month', '@PID.7^19800301', []],
    ['birth month with a wildcard', '@PID.7^198003*', ['100009']],
    ['one parameter twice, both of which hold', '@PID.5.1^No*~@PID.5.1^*ak~@PID.5.1^Kow*', ['100006']],
    ['one parameter twice, of which one does not hold', '@PID.5.1^Haller~@PID.5.1^Nowak', []],
    ['two numbers, which no identifier has', '@PID.3.1^100002~@PID.3.1^100077~@PID.3.4^HOSP', []],
    ['number, authority and a name that is not his', '@PID.3.1^100001~@PID.3.4^HOSP~@PID.5.1^Nowak', []],
    ['an identifier with its components', '@PID.3^100001^^^HOSP', ['100001']],
    ['family and day and sex', '@PID.5.1^NOWAK~@PID.7^20190704~@PID.8^M', ['100005']],
    ['city and postal code', '@PID.11.3^Altdorf~@PID.11.5^01326~@PID.8^F~@PID.5.1^K*', ['100042']],
    ['country', '@PID.11.6^IL', ['100014']],
    ['a telephone number, however punctuated', '@PID.13.1^+49351 555-0102', []],
    ['a business number', '@PID.13.1^+493515559900', ['100001']],
    ['a mobile number with brackets', '@PID.13.1^+491725550202', ['100002']],
  ])('finds by %s', async (_what, criteria, expected) => {
    const answer = await ask(criteria);
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    expect(found(answer)).toEqual(expected);
    expect(segment(answer, 'QAK').slice(1, 3)).toEqual(['TAG1', expected.length === 0 ? 'NF' : 'OK']);
    expect(segment(answer, 'QPD').join('|')).toBe(`QPD|IHE PDQ Query|TAG1|${criteria}`);
  });

  it('answers with the sender and the receiver exchanged and MSA-2 the control id', async () => {
    const answer = await ask('@PID.5.1^Haller', { id: 'CTRL-77' });
    const header = segment(answer, 'MSH');
    expect(header.slice(2, 6)).toEqual(['HOSPIX', 'HOSP', 'TESTER', 'LAB']);
    expect(header[8]).toBe('RSP^K22^RSP_K21');
    expect(segment(answer, 'MSA').slice(1)).toEqual(['AA', 'CTRL-77']);
  });

  it('sends next of kin and the Z-segment along', async () => {
    const answer = await ask('@PID.3.1^100001~@PID.3.4^HOSP');
    expect(segment(answer, 'NK1')[2]).toBe('Haller^Bernd');
    expect(segment(answer, 'ZPI')).toEqual(['ZPI', '1', 'VIP^N', 'DIET^VEG']);
  });

  it('gives only identifiers of the domains asked for', async () => {
    const answer = await ask("@PID.5.1^O'Neill", { domains: '^^^&2.999.1.2&ISO' });
    expect(segment(answer, 'PID')[3]).toBe('C-20011^^^CLINIC&2.999.1.2&ISO^MR');
    expect(found(await ask('@PID.5.1^Haller', { domains: '^^^CLINIC' }))).toEqual([]);
  });

  it.each([
    ['no parameter', '', '101', 'QPD^1^3'],
    ['a number without its authority', '@PID.3.1^100001', '101', 'QPD^1^3^1'],
    ['an authority that is not known', '@PID.3.1^1~@PID.3.4^MOON', '204', 'QPD^1^3^2^2'],
    ['a parameter that is not known', '@PID.5.1^X~@PID.22^Y', '103', 'QPD^1^3^2^1'],
    ['a part of PID-3 that is not known', '@PID.3.1^1~@PID.3.4^HOSP~@PID.3.9^Y', '103', 'QPD^1^3^3^1'],
    ['a segment that is not known', '@PD1.4^X', '103', 'QPD^1^3^1^1'],
    ['an empty value', '@PID.5.1^X~@PID.3.1^', '101', 'QPD^1^3^2^2'],
  ])('refuses %s', async (_what, criteria, code, location) => {
    const answer = await ask(criteria);
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'QAK')[2]).toBe('AE');
    expect(segment(answer, 'ERR')[2]).toBe(location);
    expect(segment(answer, 'ERR')[3]).toMatch(new RegExp(`^${code}\\^.+\\^HL70357$`));
  });

  it('names every domain that is not known', async () => {
    const answer = await ask('@PID.5.1^Haller', { domains: '^^^MOON~^^^HOSP~^^^&9.9.9&ISO' });
    expect(segments(answer, 'ERR').map((err) => err[2])).toEqual(['QPD^1^8^1', 'QPD^1^8^3']);
  });
});

describe('continuation', () => {
  it('gives all records once, page by page, and counts them', async () => {
    const line = await openLine(core.mllpPort);
    const numbers: string[] = [];
    const counts: string[][] = [];
    let dsc: string | undefined;
    do {
      line.send(pdq('@PID.8^F', { rcp: 'I|7^RD', tag: 'PAGES', ...(dsc === undefined ? {} : { dsc }) }));
      const answer = await line.answer();
      numbers.push(...found(answer));
      counts.push(segment(answer, 'QAK').slice(4));
      dsc = segment(answer, 'DSC')[1];
    } while (dsc !== undefined);
    const all = found(await ask('@PID.8^F'));
    expect(numbers).toEqual(all);
    expect(new Set(numbers).size).toBe(all.length);
    expect(counts[0]).toEqual([String(all.length), '7', String(all.length - 7)]);
    expect(counts.at(-1)?.[2]).toBe('0');
  });

  it('gives the same page again when it is asked again', async () => {
    const line = await openLine(core.mllpPort);
    line.send(pdq('@PID.5.1^Nowak', { rcp: 'I|2^RD', tag: 'AGAIN' }));
    const dsc = segment(await line.answer(), 'DSC')[1] ?? '';
    for (let i = 0; i < 2; i += 1) {
      line.send(pdq('@PID.5.1^Nowak', { rcp: 'I|2^RD', tag: 'AGAIN', dsc }));
      expect(found(await line.answer())).toEqual(['100006']);
    }
  });

  it('belongs to the tag and the sender, and ends with QCN^J01', async () => {
    const line = await openLine(core.mllpPort);
    line.send(pdq('@PID.5.1^Nowak', { rcp: 'I|1^RD', tag: 'MINE' }));
    const dsc = segment(await line.answer(), 'DSC')[1] ?? '';
    line.send(pdq('@PID.5.1^Nowak', { rcp: 'I|1^RD', tag: 'YOURS', dsc }));
    expect(segment(await line.answer(), 'ERR').slice(2, 4)).toEqual([
      'DSC^1^1',
      '204^Unknown key identifier^HL70357',
    ]);
    line.send(`${msh('QCN^J01^QCN_J01')}\nQID|MINE|IHE PDQ Query`);
    expect(segment(await line.answer(), 'MSA')[1]).toBe('AA');
    line.send(pdq('@PID.5.1^Nowak', { rcp: 'I|1^RD', tag: 'MINE', dsc }));
    expect(segment(await line.answer(), 'MSA')[1]).toBe('AE');
  });
});
