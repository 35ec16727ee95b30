import type { InterfaceProfile, InterfaceTls, ReplyAddress } from '../../adapters/hl7v2/intake/profile.ts';
import type { InterfaceConfig } from '../config/feed-schema.ts';
import type { Certificates, LivePem } from './certificates.ts';
import { clientTls } from './client-tls.ts';

/** The profile of an interface as its configuration has it. */
/**
 * @param renewed told when the interface has other certificates
 * @throws Error for certificates that cannot be used
 */
export function interfaceProfile(
  name: string,
  config: InterfaceConfig,
  certificates: Pick<Certificates, 'use'>,
  renewed: (tls: InterfaceTls) => void = () => {},
): InterfaceProfile {
  const { owner: _owner, timeZone: _zone, authority: _authority, tls, replies, ...profile } = config;
  const at = `feed.interfaces.${name}`;
  return {
    ...profile,
    name,
    ...(tls ? { tls: listenerTls(at, tls, certificates, renewed) } : {}),
    ...(replies ? { replies: replyAddress(at, replies, certificates) } : {}),
  };
}

function listenerTls(
  at: string,
  { certificate, key, ca, subjects, fingerprints }: NonNullable<InterfaceConfig['tls']>,
  certificates: Pick<Certificates, 'use'>,
  renewed: (tls: InterfaceTls) => void,
): InterfaceTls {
  const files = { certificate, key, ...(ca === undefined ? {} : { ca }) };
  const now = ({ cert = '', key: ours = '', ca: theirs }: LivePem): InterfaceTls => ({
    cert,
    key: ours,
    ...(theirs === undefined ? {} : { ca: theirs }),
    clientCertificates: ca !== undefined,
    subjects,
    fingerprints,
  });
  const pem = certificates.use(`${at}.tls`, files, () => renewed(now(pem)));
  return now(pem);
}

function replyAddress(
  at: string,
  { host, port, tls }: NonNullable<InterfaceConfig['replies']>,
  certificates: Pick<Certificates, 'use'>,
): ReplyAddress {
  return { host, port, ...(tls ? { tls: clientTls(`${at}.replies.tls`, tls, certificates) } : {}) };
}
