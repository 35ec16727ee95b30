import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InterfaceTls } from '../../adapters/hl7v2/intake/profile.ts';
import { messageOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { createAuthority, hasOpenssl } from './certificates.ts';
import type { Authority, Identity } from './certificates.ts';
import { connectSender, startFeed } from './feed-interface.ts';
import type { Feed } from './feed-interface.ts';

const available = hasOpenssl();

describe.skipIf(!available)(
  `an interface with TLS${available ? '' : ' (skipped: no openssl to make certificates with)'}`,
  () => {
    let authority: Authority;
    let server: Identity;
    let lab: Identity;
    let radiology: Identity;

    beforeAll(() => {
      authority = createAuthority();
      server = authority.issue('/CN=feed.test');
      lab = authority.issue('/O=Nord/OU=Lab/CN=lab.test');
      radiology = authority.issue('/O=Nord/OU=Radiology/CN=rad.test');
    });
    afterAll(() => authority.remove());

    const start = (changes: Partial<InterfaceTls> = {}): Promise<Feed> =>
      startFeed({
        tls: {
          cert: server.cert,
          key: server.key,
          ca: authority.ca,
          clientCertificates: true,
          subjects: [],
          fingerprints: [],
          ...changes,
        },
      });
    const answerTo = async (feed: Feed, identity: Identity | undefined): Promise<string> => {
      const shown = identity ? { cert: identity.cert, key: identity.key } : {};
      const sender = await connectSender(feed.port, { ca: authority.ca, servername: 'feed.test', ...shown });
      sender.send(messageOf());
      await Promise.race([sender.answered(1), sender.closed()]);
      return sender.answers[0] ?? 'closed';
    };

    it('takes messages of whoever shows a certificate that its authority vouches for, and of nobody else', async () => {
      const feed = await start();
      expect(await answerTo(feed, lab)).toBe('MSA|AA|M1');
      expect(await answerTo(feed, undefined)).toBe('closed');
      const stranger = createAuthority();
      expect(await answerTo(feed, stranger.issue('/CN=lab.test'))).toBe('closed');
      stranger.remove();
      expect(feed.states()).toEqual(['waiting M1']);
    });

    it.each([
      ['a subject', () => ({ subjects: ['CN=lab.test'] })],
      ['several attributes of a subject', () => ({ subjects: ['CN=elsewhere.test', 'OU=Lab, O=Nord'] })],
      ['a fingerprint', () => ({ fingerprints: [lab.fingerprint] })],
      ['a bare fingerprint', () => ({ fingerprints: [lab.fingerprint.replaceAll(':', '').toLowerCase()] })],
      ['either', () => ({ fingerprints: [lab.fingerprint], subjects: ['CN=elsewhere.test'] })],
    ])('refuses the messages of other certificates where %s is listed', async (_what, changes) => {
      const feed = await start(changes());
      expect(await answerTo(feed, lab)).toBe('MSA|AA|M1');
      expect(await answerTo(feed, radiology)).toBe('MSA|AR|M1 207');
      expect(feed.states()).toEqual(['waiting M1', 'rejected not-allowed M1']);
    });

    it('takes messages without a client certificate where none is asked for', async () => {
      const feed = await start({ clientCertificates: false });
      expect(await answerTo(feed, undefined)).toBe('MSA|AA|M1');
    });

    it('has nothing to say to a sender that does not speak TLS', async () => {
      const feed = await start();
      const sender = await connectSender(feed.port);
      sender.send(messageOf());
      await sender.closed();
      expect(sender.answers).toEqual([]);
      expect(feed.intake.stats['lab']).toMatchObject({ handshakes: 1, received: 0 });
    });
  },
);
