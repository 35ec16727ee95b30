import { describe, expect, it } from 'vitest';
import type { Certificates } from '../../../src/compose/certificates.ts';
import { interfaceProfile } from '../../../src/compose/interface-profile.ts';
import { feedConfig, interfaceConfig } from '../../../src/config/feed-schema.ts';

const certificates: Pick<Certificates, 'use'> = {
  use: (_name, { ca, certificate, key }) => ({
    ...(ca === undefined ? {} : { ca: `text of ${ca}` }),
    ...(certificate === undefined ? {} : { cert: `text of ${certificate}` }),
    ...(key === undefined ? {} : { key: `secret ${'env' in key ? key.env : key.file}` }),
  }),
};
const least = { port: 2575, owner: 'integration team' };

describe('an interface of the feed', () => {
  it('needs a port and an owner, and asks nothing else', () => {
    const profile = interfaceProfile('adt', interfaceConfig.parse(least), certificates);
    expect(profile).toMatchObject({
      name: 'adt',
      host: '127.0.0.1',
      port: 2575,
      defaultCharset: 'UNICODE UTF-8',
      acknowledge: 'as-asked',
      processing: ['P'],
      strictness: 'lenient',
      sequence: false,
      batches: 'all',
    });
    expect(profile).not.toHaveProperty('tls');
    expect(profile).not.toHaveProperty('charset');
  });

  it('asks senders for certificates when it has authorities to check them by', () => {
    const tls = { certificate: 'feed.crt', key: { env: 'FEED_KEY' } };
    const tlsOf = (more: object) =>
      interfaceProfile('adt', interfaceConfig.parse({ ...least, tls: { ...tls, ...more } }), certificates)
        .tls;
    expect(tlsOf({})).toEqual({
      cert: 'text of feed.crt',
      key: 'secret FEED_KEY',
      clientCertificates: false,
      subjects: [],
      fingerprints: [],
    });
    expect(tlsOf({ ca: 'ca.crt', subjects: ['CN=lab.test,O=Nord'] })).toMatchObject({
      ca: 'text of ca.crt',
      clientCertificates: true,
      subjects: ['CN=lab.test,O=Nord'],
    });
  });

  it('may answer elsewhere, with a certificate of its own', () => {
    const replies = {
      host: 'core.test',
      port: 2576,
      tls: { ca: 'ca.crt', certificate: 'our.crt', key: { file: 'our.key' }, serverName: 'core.test' },
    };
    expect(
      interfaceProfile('adt', interfaceConfig.parse({ ...least, replies }), certificates).replies,
    ).toEqual({
      host: 'core.test',
      port: 2576,
      tls: {
        ca: 'text of ca.crt',
        cert: 'text of our.crt',
        key: 'secret our.key',
        servername: 'core.test',
      },
    });
  });

  it.each([
    ['a version that is none of v2', { versions: ['3.0'] }],
    ['a type that is none', { types: ['adt'] }],
    ['a processing id that is none', { processing: ['X'] }],
    ['no processing id', { processing: [] }],
    ['a sender that is anybody', { senders: [{}] }],
    ['half a fingerprint', { tls: { certificate: 'a', key: { env: 'K' }, fingerprints: ['AA:BB'] } }],
    [
      'a subject without an attribute',
      { tls: { certificate: 'a', key: { env: 'K' }, subjects: ['lab.test'] } },
    ],
    ['a key that nobody knows', { ownr: 'x' }],
  ])('is refused with %s', (_what, wrong) => {
    expect(interfaceConfig.safeParse({ ...least, ...wrong }).success).toBe(false);
  });

  it('is one of a feed that holds its senders before memory grows', () => {
    expect(feedConfig.parse({ interfaces: { adt: least } })).toMatchObject({
      retentionDays: 90,
      pendingMessages: 10_000,
      pendingBytes: 64 * 1024 * 1024,
    });
  });
});
