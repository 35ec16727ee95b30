import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openInboxIntake } from '../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { EVN, messageOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { connectSender, startFeed } from './feed-interface.ts';

const owners = { lab: 'integration team' };

it('messages of many senders are on disk when they are acknowledged, byte for byte, each once, and still there when it starts again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-intake-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'inbox.sqlite');
  const inbox = await openInboxIntake({ file, owners });
  const first = await startFeed({ sequence: false }, { inbox });
  const senders = await Promise.all(Array.from({ length: 8 }, () => connectSender(first.port)));
  const idsOf = (who: number): string[] => Array.from({ length: 50 }, (_, nth) => `S${who}N${nth}`);
  for (const [who, sender] of senders.entries()) {
    const application = `LAB${who}`;
    sender.send(
      ...idsOf(who).map((id) => messageOf({ application, id })),
      messageOf({ application, id: 'X' }, [EVN]),
    );
  }
  for (const [who, sender] of senders.entries())
    expect(await sender.answered(51)).toEqual([...idsOf(who).map((id) => `MSA|AA|${id}`), 'MSA|AE|X 100']);
  await first.intake.close();
  await inbox.close();

  const again = await openInboxIntake({ file, owners });
  const second = await startFeed({}, { inbox: again });
  const repeating = await connectSender(second.port);
  repeating.send(messageOf({ application: 'LAB3', id: 'S3N7' }));
  expect(await repeating.answered(1)).toEqual(['MSA|AA|S3N7']);
  await second.intake.close();
  await again.close();

  const ledger = openInboxLedger(file);
  onTestFinished(() => ledger.close());
  expect(ledger.audit()).toMatchObject({
    holds: true,
    counts: { received: 409, waiting: 400, duplicate: 1, rejected: 8 },
  });
  const waiting = ledger.waiting(1_000);
  for (let who = 0; who < 8; who++) {
    const own = waiting.filter(({ record }) => record.sender === `LAB${who}|NORD`);
    expect(own.map(({ record }) => record.controlId)).toEqual(idsOf(who));
    for (const { record, bytes } of own)
      expect(Buffer.from(bytes).toString()).toBe(
        messageOf({ application: `LAB${who}`, id: record.controlId }),
      );
  }
});
