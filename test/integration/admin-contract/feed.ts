import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sendFeed } from '../../../sandbox/feed/send.ts';
import { SIGNED } from './desk.ts';
import type { Desk } from './desk.ts';

/** What the operations of the feed answer: its messages, releases of its mappings, and what follows it. */
export function answersOfTheFeed(desk: () => Desk): void {
  it('fit the document for the feed', async () => {
    const { hospital, fitting, when } = desk();
    const admitted = 'MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102100500||ADT^A04^ADT_A01|M1|P|2.5.1';
    const person = 'PID|1||4711^^^HOSP||Muster^Jo||19800312|X';
    const nobody = 'PID|1||4711^^^NOBODY||Muster^Jo';
    const bytes = (header: string, pid: string) =>
      Buffer.from([header, 'EVN||20261102100500', pid, 'PV1|1|O', ''].join('\r'));
    const port = hospital.ficus.feedPorts['hospix']!;
    const sent = [
      bytes(admitted, person),
      bytes(admitted, person),
      bytes(admitted.replace('M1', 'M2'), nobody),
    ];
    const report = await sendFeed(
      sent.map((message) => ({ bytes: message, lane: '' })),
      { host: '127.0.0.1', port },
    );
    expect(report.answers).toEqual({ AA: 3 });
    const status = await when('feedStatus', {}, ({ interfaces }) => {
      const [{ counts }] = interfaces as [{ counts: Record<string, number> }];
      return counts['received'] === 3 && counts['waiting'] === 0;
    });
    expect(status['interfaces']).toMatchObject([
      { counts: { received: 3, processed: 1, duplicate: 1, parked: 1 }, conserved: true },
    ]);
    expect(await fitting('recountFeed')).toMatchObject({ holds: true });
    const { messages } = await fitting('listMessages', { query: '?state=parked' });
    expect(messages).toMatchObject([
      { controlId: 'M2', state: 'parked', reason: 'unknown-authority', owner: 'integration' },
    ]);
    const [{ seq }] = messages as [{ seq: number }];
    const params = { seq: String(seq) };
    await fitting('getMessage', { params });
    const { fields } = await fitting('explainMessage', { params });
    expect(fields).toContainEqual(
      expect.objectContaining({ field: 'PID-3', text: '4711^^^NOBODY', fate: 'partly' }),
    );
    const { rehearsed } = await fitting('replayMessages', { body: { ...SIGNED, dryRun: true, seqs: [seq] } });
    expect(rehearsed).toMatchObject([{ seq, would: 'parked', reason: 'unknown-authority' }]);
    expect(await fitting('replayMessages', { body: { ...SIGNED, filter: { state: 'parked' } } })).toEqual({
      replayed: 1,
    });
    const coverage = await fitting('feedCoverage');
    expect(coverage['fields']).toContainEqual(expect.objectContaining({ field: 'PID-8', seen: 1 }));
  });

  it('fit the document for a release of mappings', async () => {
    const { ask, fitting } = desk();
    const overlay = new URL('../../support/overlays/interpreter/', import.meta.url);
    const files = readdirSync(overlay).map((path) => ({
      path,
      text: readFileSync(new URL(path, overlay), 'utf8'),
    }));
    const { number } = await fitting('proposeRelease', { body: { ...SIGNED, files } });
    const release = { params: { number: String(number) } };
    await fitting('releaseEffect', { ...release, query: '?limit=10' });
    const own = await ask('signRelease', { ...release, body: { ...SIGNED, by: ' LABORATORY' } });
    expect(own.status).toBe(409);
    await fitting('signRelease', { ...release, body: { ...SIGNED, by: 'somebody else' } });
    await fitting('publishRelease', { ...release, body: { ...SIGNED, senders: ['HOSPIX'] } });
    await fitting('revertRelease', release);
    expect(await fitting('listReleases')).toMatchObject({ releases: [{ number, state: 'reverted' }] });
  });

  it('fit the document for what follows the feed', async () => {
    const { hospital, fitting, when } = desk();
    await hospital.clearDials();
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 422, operation: 'Patient.update' });
    const merge = [
      'MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102110000||ADT^A40^ADT_A39|M3|P|2.5.1',
      'EVN||20261102110000',
      'PID|1||4712^^^HOSP||Muster^Jo||19800312|X',
      'MRG|4711^^^HOSP',
      '',
    ];
    await sendFeed([{ bytes: Buffer.from(merge.join('\r')), lane: '' }], {
      host: '127.0.0.1',
      port: hospital.ficus.feedPorts['hospix']!,
    });
    const asked = { query: '?topic=patient-merge&after=0' };
    const { events, last } = await when('topicEvents', asked, ({ last: number }) => number === 1);
    expect(events).toMatchObject([{ number: 1, kind: 'merged', type: 'Patient' }]);
    expect(last).toBe(1);
    const refused = await when(
      'feedStatus',
      {},
      ({ copies, subscribers }) =>
        (copies as [{ dead: number }])[0].dead === 2 &&
        (subscribers as [{ trouble?: string }])[0].trouble !== undefined,
    );
    expect(refused['subscribers']).toMatchObject([{ name: 'portal', told: 0, last: 1 }]);
    const name = { name: 'observations' };
    const { resources } = await fitting('listDeadCopies', { params: name });
    const [first, second] = resources as { id: string }[];
    await hospital.clearDials();
    const params = (id = '') => ({ ...name, type: 'Patient', id });
    await fitting('retryDeadCopy', { params: params(first?.id) });
    await fitting('discardDeadCopy', { params: params(second?.id) });
    await when('feedStatus', {}, ({ copies }) => (copies as [{ dead: number }])[0].dead === 0);
    const held = await fetch(`${hospital.sandbox.addresses.modern}/Patient/${first?.id}`);
    expect(held.status).toBe(200);
    await held.arrayBuffer();
  });

  it('fit the document for a merge that is taken back', async () => {
    const { hospital, fitting, when } = desk();
    const event = (type: string, id: string, at: string, ...segments: string[]) => ({
      bytes: Buffer.from(
        [`MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|${at}||${type}|${id}|P|2.5.1`, `EVN||${at}`, ...segments, ''].join(
          '\r',
        ),
      ),
      lane: '',
    });
    const retired = 'PID|1||4711^^^HOSP||Muster^Jo||19800312|X';
    const survivor = 'PID|2||4712^^^HOSP||Muster^Jo||19800312|X';
    const allergy = 'AL1|1|FA|^Nuts';
    expect(await fitting('listMergeReviews')).toEqual({ reviews: [] });
    const late = event('ADT^A08^ADT_A01', 'M4', '20261102120000', retired, 'PV1|1|O', allergy);
    const undone = event('ADT^A37^ADT_A37', 'M5', '20261102130000', retired, survivor);
    const port = hospital.ficus.feedPorts['hospix']!;
    await sendFeed([late, undone], { host: '127.0.0.1', port });
    const { reviews } = await when(
      'listMergeReviews',
      { query: '?limit=5' },
      ({ reviews: found }) => (found as object[]).length > 0,
    );
    expect(reviews).toContainEqual(
      expect.objectContaining({
        type: 'AllergyIntolerance',
        why: 'came after the merge',
        owner: 'integration',
      }),
    );
    const [{ message, type, id }] = reviews as [{ message: number; type: string; id: string }];
    const review = { params: { seq: String(message), type, id }, body: SIGNED };
    expect(await fitting('closeMergeReview', review)).toMatchObject({ closed: SIGNED });
    expect((await desk().ask('closeMergeReview', review)).status).toBe(409);
    const { reviews: closed } = await fitting('listMergeReviews', { query: '?state=closed' });
    expect(closed).toMatchObject([{ type, id, closed: SIGNED }]);
    const { reviews: open } = await fitting('listMergeReviews');
    expect(open).not.toContainEqual(expect.objectContaining({ type, id }));
  });

  it('fit the document for application acknowledgements', async () => {
    const { hospital, ask, fitting, when, replies } = desk();
    const asking = (id: string) => ({
      bytes: Buffer.from(
        [
          `MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20261102140000||ADT^A04^ADT_A01|${id}|P|2.5.1|||AL|AL`,
          'EVN||20261102140000',
          'PID|1||4712^^^HOSP||Muster^Jo||19800312|X',
          'PV1|1|O',
          '',
        ].join('\r'),
      ),
      lane: '',
    });
    const port = hospital.ficus.feedPorts['hospix']!;
    await sendFeed([asking('M6'), asking('M7')], { host: '127.0.0.1', port });
    const { answers } = await when(
      'listAnswers',
      { query: '?state=dead&source=hospix' },
      ({ answers: found }) => (found as object[]).length === 2,
    );
    expect(answers).toMatchObject([
      { controlId: 'M6', code: 'AA', reason: 'it was refused with CE', owner: 'integration' },
      { controlId: 'M7', code: 'AA' },
    ]);
    expect(replies.received.map(({ text }) => /MSA\|\w+\|\w+/.exec(text)?.[0])).toEqual([
      'MSA|AA|M6',
      'MSA|AA|M7',
    ]);
    const [{ seq }] = answers as [{ seq: number }];
    await fitting('feedStatus');
    expect(await fitting('retryAnswers', { body: { ...SIGNED, seq } })).toEqual({ answers: 1 });
    await when(
      'listAnswers',
      { query: '?state=dead' },
      ({ answers: found }) => (found as object[]).length === 2,
    );
    expect(replies.received).toHaveLength(3);
    expect(replies.received[2]!.text).toBe(replies.received[0]!.text);
    expect(await fitting('discardAnswers', { body: { ...SIGNED, interface: 'hospix' } })).toEqual({
      answers: 2,
    });
    expect((await ask('discardAnswers', { body: { ...SIGNED, interface: 'hospix' } })).status).toBe(404);
    expect((await ask('retryAnswers', { body: SIGNED })).status).toBe(400);
    await replies.close();
  });
}
