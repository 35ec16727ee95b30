import { beforeAll, beforeEach, afterAll, describe, expect, it } from 'vitest';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';
import {
  all,
  call,
  patientKey,
  request,
  security,
  type CallOptions,
  type SoapAnswer,
  NAMESPACE,
} from '../unit/sandbox/support/soap.ts';

let core: LegacyCore;
let url: string;
beforeAll(async () => {
  core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security: false });
  url = `http://127.0.0.1:${core.soapPort}/ClinicalService`;
});
beforeEach(() => core.reset());
afterAll(() => core.close());

const ask = (operation: string, content: string, options: CallOptions = {}): Promise<SoapAnswer> =>
  call(url, request(operation, content), options);
const reason = ({ text }: SoapAnswer): string =>
  all(text, 'ReasonCode')[0] ?? all(text, 'ReturnCode')[0] ?? '';

describe('what is found', () => {
  it.each([
    ['FindAppointments', patientKey('100077'), 'ApptNo', ['A50006', 'A50005']],
    ['FindAppointments', patientKey('C-20103', '2.999.1.2'), 'ApptNo', ['A50015']],
    ['FindAppointments', '<ProviderId>P104</ProviderId>', 'ApptNo', ['A50007', 'A50008']],
    ['FindAppointments', '<ExternalRef>PORTAL-88121</ExternalRef>', 'ApptNo', ['A50021']],
    [
      'FindAppointments',
      '<DateFrom>2026-12-03</DateFrom><DateTo>2026-12-09</DateTo>',
      'ApptNo',
      ['A50001', 'A50005', 'A50011'],
    ],
    [
      'FindAppointments',
      `${patientKey('100001')}<DateTo>2026-08-20</DateTo>`,
      'ApptNo',
      ['A50002', 'A50003'],
    ],
    ['FindAppointments', patientKey('100009'), 'ApptNo', ['A50010']],
    ['FindAppointments', `${patientKey('100009')}<DateFrom>2020-01-01</DateFrom>`, 'ApptNo', []],
    [
      'FindEncounters',
      `${patientKey('100001')}<DateFrom>2025-10-30</DateFrom><DateTo>2025-12-31</DateTo>`,
      'VisitNo',
      ['V7001'],
    ],
    ['FindEncounters', `${patientKey('100003')}<DateFrom>2026-11-22</DateFrom>`, 'VisitNo', ['V7005']],
    [
      'FindEncounters',
      `${patientKey('100031')}<DateFrom>1991-03-15</DateFrom><DateTo>1991-03-20</DateTo>`,
      'VisitNo',
      ['V7015'],
    ],
    ['FindObservations', `${patientKey('100001')}<Code>2823-3</Code>`, 'ObsNo', ['R90003', 'R90004']],
    [
      'FindObservations',
      `${patientKey('100001')}<StatusCode>PRELIM</StatusCode><StatusCode>PEND</StatusCode>`,
      'ObsNo',
      ['R90020', 'R90019'],
    ],
    ['FindObservations', `${patientKey('100001')}<Category>SOCIAL</Category>`, 'ObsNo', ['R90013']],
    ['FindObservations', `${patientKey('100008')}<DateFrom>2003-05-01</DateFrom>`, 'ObsNo', ['R90033']],
    ['FindAllergies', patientKey('100002'), 'AllergyNo', ['AL3004', 'AL3005']],
  ])('%s %s', async (operation, content, key, expected) => {
    const { text } = await ask(operation, content);
    expect(all(text, 'ReturnCode')).toEqual(['0']);
    expect(all(text, key)).toEqual(expected);
  });

  it('comes with the number that counts today, and decimals as they were written', async () => {
    const { text } = await ask('GetObservation', '<ObsNo>R90023</ObsNo>');
    expect(all(text, 'MRN')).toEqual(['100002']);
    expect(all((await ask('GetObservation', '<ObsNo>R90011</ObsNo>')).text, 'Number')).toEqual(['81.50']);
  });

  it('comes in pages that hold every row once', async () => {
    const whole = all(
      (await ask('FindObservations', `${patientKey('100001')}<MaxRows>100</MaxRows>`)).text,
      'ObsNo',
    );
    const rows: string[] = [];
    let token = '';
    do {
      const page = `${patientKey('100001')}<MaxRows>7</MaxRows>${token === '' ? '' : `<PageToken>${token}</PageToken>`}`;
      const { text } = await ask('FindObservations', page);
      rows.push(...all(text, 'ObsNo'));
      expect(all(text, 'TotalRows')).toEqual([String(whole.length)]);
      token = all(text, 'NextPageToken')[0] ?? '';
    } while (token !== '');
    expect(rows).toEqual(whole);
  });

  it('keeps a page token to its criteria', async () => {
    const { text } = await ask('FindObservations', `${patientKey('100001')}<MaxRows>2</MaxRows>`);
    const token = `<PageToken>${all(text, 'NextPageToken')[0]}</PageToken>`;
    expect(reason(await ask('FindObservations', `${patientKey('100002')}${token}`))).toBe('INVALID');
  });
});

describe('what is refused', () => {
  it.each([
    ['GetAllergy', '<AllergyNo>AL0</AllergyNo>', 'NOT_FOUND'],
    ['FindAllergies', patientKey('999999'), 'UNKNOWN_PATIENT'],
    ['FindAllergies', patientKey('100001', 'MOON'), 'UNKNOWN_PATIENT'],
    ['FindAppointments', '<StatusCode>BOOKED</StatusCode>', 'MISSING'],
    ['FindAppointments', '<DateFrom>2026-01-01</DateFrom><DateTo>2026-12-31</DateTo>', 'MISSING'],
    ['FindAppointments', `${patientKey('100001')}<DateFrom>2026-02-30</DateFrom>`, 'INVALID'],
    ['FindAllergies', `${patientKey('100001')}<MaxRows>101</MaxRows>`, 'INVALID'],
  ])('%s %s: %s', async (operation, content, expected) => {
    const answer = await ask(operation, content);
    expect(answer.status).toBe(200);
    expect(all(answer.text, 'ReturnCode')).toEqual(['8']);
    expect(reason(answer)).toBe(expected);
  });
});

describe('booking', () => {
  const book = (content: string): Promise<SoapAnswer> =>
    ask('BookAppointment', `<Appointment>${content}</Appointment>`);
  const when = '<ApptDate>2027-05-03</ApptDate><ApptTime>09:00</ApptTime><DurationMin>30</DurationMin>';
  const provider = '<Providers><Provider><ProviderId>P106</ProviderId></Provider></Providers>';

  it('answers the first booking when the same ExternalRef comes again', async () => {
    const input = `<ExternalRef>E-1</ExternalRef>${patientKey('100001')}${when}`;
    const [number] = all((await book(input)).text, 'ApptNo');
    const again = await book(input);
    expect(reason(again)).toBe('DUPLICATE');
    expect(all(again.text, 'ApptNo')).toEqual([number]);
    expect(all((await ask('FindAppointments', '<ExternalRef>E-1</ExternalRef>')).text, 'ApptNo')).toEqual([
      number,
    ]);
  });

  it.each([
    ['an unknown patient', patientKey('0') + when, 'UNKNOWN_PATIENT'],
    ['no time', `${patientKey('100001')}<ApptDate>2027-05-03</ApptDate>`, 'MISSING'],
    [
      'a day that does not exist',
      `${patientKey('100001')}<ApptDate>2027-02-29</ApptDate><ApptTime>09:00</ApptTime>`,
      'INVALID',
    ],
    [
      'a status that no new booking has',
      `${patientKey('100001')}<StatusCode>DONE</StatusCode>${when}`,
      'INVALID',
    ],
    [
      'a code that is not on our list',
      `${patientKey('100001')}${when}<Department><Code>MARS</Code></Department>`,
      'UNKNOWN_CODE',
    ],
    [
      'an unknown provider',
      `${patientKey('100001')}${when}<Providers><Provider><ProviderId>P0</ProviderId></Provider></Providers>`,
      'UNKNOWN_CODE',
    ],
    [
      'a time that is taken',
      `${patientKey('100001')}<ApptDate>2026-12-03</ApptDate><ApptTime>09:45</ApptTime><Providers><Provider><ProviderId>P101</ProviderId></Provider></Providers>`,
      'SLOT_TAKEN',
    ],
  ])('refuses %s and keeps nothing', async (_what, content, expected) => {
    const before = core.hospital().records.appointments.all().length;
    expect(reason(await book(content))).toBe(expected);
    expect(core.hospital().records.appointments.all()).toHaveLength(before);
  });

  it('takes a code of another list as it is, and a waiting list entry without a time', async () => {
    const other = '<Department><Code>394579002</Code><CodingScheme>SCT</CodingScheme></Department>';
    const { text } = await book(`${patientKey('100001')}<StatusCode>WAITL</StatusCode>${other}`);
    expect(all(text, 'ReturnCode')).toEqual(['0']);
    expect(all(text, 'StatusCode')).toEqual(['WAITL']);
  });

  it('takes a time that ends when the next begins, and one that begins when the last ends', async () => {
    const p101 = '<Providers><Provider><ProviderId>P101</ProviderId></Provider></Providers>';
    const at = (time: string): Promise<SoapAnswer> =>
      book(
        `${patientKey('100001')}<ApptDate>2026-12-03</ApptDate><ApptTime>${time}</ApptTime><DurationMin>15</DurationMin>${p101}`,
      );
    expect([reason(await at('09:15')), reason(await at('10:00'))]).toEqual(['0', '0']);
    expect(reason(await at('10:00'))).toBe('SLOT_TAKEN');
  });

  it('changes what is said, removes what is said to be empty, and notices a stale version', async () => {
    const [number = ''] = all(
      (await book(`${patientKey('100001')}${when}<Comments>one</Comments>`)).text,
      'ApptNo',
    );
    const change = (version: string, content: string): Promise<SoapAnswer> =>
      ask('UpdateAppointment', `<ApptNo>${number}</ApptNo>${version}<Change>${content}</Change>`);
    const changed = await change(
      '<RowVersion>1</RowVersion>',
      '<ApptTime>11:00</ApptTime><Comments></Comments>',
    );
    expect(all(changed.text, 'ApptTime')).toEqual(['11:00']);
    expect(all(changed.text, 'Comments')).toEqual([]);
    expect(all(changed.text, 'RowVersion')).toEqual(['2']);
    expect(reason(await change('<RowVersion>1</RowVersion>', '<ApptTime>12:00</ApptTime>'))).toBe('STALE');
    expect(reason(await change('', '<StatusCode>CANC</StatusCode>'))).toBe('INVALID');
  });

  it('frees the slot when it is cancelled', async () => {
    const [number = ''] = all((await book(`${patientKey('100001')}${when}${provider}`)).text, 'ApptNo');
    expect(reason(await book(`${patientKey('100002')}${when}${provider}`))).toBe('SLOT_TAKEN');
    await ask('CancelAppointment', `<ApptNo>${number}</ApptNo>`);
    expect(reason(await book(`${patientKey('100002')}${when}${provider}`))).toBe('0');
    expect(reason(await ask('UpdateAppointment', `<ApptNo>${number}</ApptNo><Change/>`))).toBe('CONFLICT');
  });
});

describe.each(['1.1', '1.2'] as const)('Faults of SOAP %s', (version) => {
  const get = request('GetAppointment', '<ApptNo>A50001</ApptNo>');
  const cases: readonly (readonly [string, string, CallOptions, string, string])[] = [
    ['an unknown operation', request('Nothing', ''), {}, 'sender', 'UNSUPPORTED'],
    [
      'an operation of another namespace',
      '<GetAppointment><ApptNo>A50001</ApptNo></GetAppointment>',
      {},
      'sender',
      'UNSUPPORTED',
    ],
    [
      'an element that is not in the WSDL',
      request('GetAppointment', '<ApptNo>A</ApptNo><X/>'),
      {},
      'sender',
      'SCHEMA',
    ],
    ['a missing element', request('GetAppointment', ''), {}, 'sender', 'SCHEMA'],
    [
      'an element twice',
      request('GetAppointment', '<ApptNo>A</ApptNo><ApptNo>B</ApptNo>'),
      {},
      'sender',
      'SCHEMA',
    ],
    [
      'a word for a number',
      request('FindAllergies', `${patientKey('1')}<MaxRows>many</MaxRows>`),
      {},
      'sender',
      'SCHEMA',
    ],
    [
      'a header it does not understand',
      get,
      { header: '<x:Y xmlns:x="urn:x" e:mustUnderstand="1"/>' },
      'must-understand',
      'UNSUPPORTED',
    ],
    ['a body that is no XML', '<GetAppointment', {}, 'sender', 'SCHEMA'],
    [
      'the wrong Content-Type',
      get,
      { contentType: version === '1.1' ? 'application/soap+xml' : 'text/xml' },
      'sender',
      'SCHEMA',
    ],
  ];
  it.each(cases)('%s', async (_what, body, options, side, code) => {
    const answer = await call(url, body, { version, ...options });
    const unreadable = body === '<GetAppointment';
    const names = { sender: ['Client', 'Sender'], 'must-understand': ['MustUnderstand', 'MustUnderstand'] }[
      side
    ];
    expect(all(answer.text, version === '1.1' ? 'faultcode' : 'soap:Value')[0]).toBe(
      `soap:${names?.[version === '1.1' ? 0 : 1]}`,
    );
    expect(all(answer.text, 'ErrorCode')).toEqual([code]);
    expect(answer.status).toBe(version === '1.2' && side === 'sender' ? 400 : 500);
    if (!unreadable) expect(answer.type).toContain(version === '1.1' ? 'text/xml' : 'application/soap+xml');
  });

  it('refuses an action that is not that of the body', async () => {
    const options: CallOptions =
      version === '1.1'
        ? { action: `"${NAMESPACE}/GetAllergy"` }
        : { contentType: `application/soap+xml; action="${NAMESPACE}/GetAllergy"` };
    expect(all((await call(url, get, { version, ...options })).text, 'ErrorCode')).toEqual(['UNSUPPORTED']);
  });
});

describe('XML', () => {
  it.each([
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['no envelope', '<a/>'],
    ['an unbound prefix', '<s:Envelope/>'],
    ['two roots', '<a/><b/>'],
    ['bytes that are not UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])],
  ])('refuses %s', async (_what, body) => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/xml' }, body });
    expect(response.status).toBe(500);
    expect(all(await response.text(), 'ErrorCode')).toEqual(['SCHEMA']);
  });
});

describe('WS-Security', () => {
  const get = request('GetAppointment', '<ApptNo>A50001</ApptNo>');
  let guarded: LegacyCore;
  beforeAll(async () => {
    guarded = await createLegacyCore({
      mllpPort: 0,
      soapPort: 0,
      security: { user: 'ficus', password: 'secret' },
    });
  });
  afterAll(() => guarded.close());
  const knock = (header: string): Promise<SoapAnswer> =>
    call(`http://127.0.0.1:${guarded.soapPort}/ClinicalService`, get, { header });

  it('lets a right digest in, once', async () => {
    const header = security({ expires: new Date(Date.now() + 60_000).toISOString() });
    expect((await knock(header)).status).toBe(200);
    expect(all((await knock(header)).text, 'faultcode')).toEqual(['wsse:InvalidSecurityToken']);
  });

  it.each([
    ['no token', () => '', 'InvalidSecurity'],
    ['a wrong password', () => security({ password: 'guess' }), 'FailedAuthentication'],
    ['the password in the clear', () => security({ type: 'PasswordText' }), 'UnsupportedSecurityToken'],
    [
      'a token of an hour ago',
      () => security({ created: new Date(Date.now() - 3_600_000).toISOString() }),
      'InvalidSecurityToken',
    ],
    [
      'a message that has expired',
      () => security({ expires: new Date(Date.now() - 1000).toISOString() }),
      'MessageExpired',
    ],
  ])('keeps out %s', async (_what, header, code) => {
    const answer = await knock(header());
    expect(answer.status).toBe(500);
    expect(all(answer.text, 'faultcode')).toEqual([`wsse:${code}`]);
    expect(all(answer.text, 'ErrorCode')).toEqual(['SECURITY']);
  });

  it('makes up a password when none is configured', async () => {
    const made = await createLegacyCore({ mllpPort: 0, soapPort: 0 });
    expect(made.credentials?.user).toBe('ficus');
    expect(made.credentials?.password.length).toBeGreaterThan(12);
    await made.close();
  });
});
