import type { ConnectionOptions } from 'node:tls';
import type { InterfaceProfile, InterfaceTls } from '../../adapters/hl7v2/intake/profile.ts';
import type { InterfaceConfig } from '../config/feed-schema.ts';
import type { SecretSource } from '../config/secret.ts';
import type { ClientTlsConfig } from '../config/tls-schema.ts';

/** Reads what a configuration only names. */
export interface NamedTexts {
  /** Text of a file, relative to the configuration. */
  file(path: string): string;
  secret(source: SecretSource): string;
}

/** The profile of an interface as its configuration has it. */
export function interfaceProfile(name: string, config: InterfaceConfig, texts: NamedTexts): InterfaceProfile {
  const { owner: _owner, timeZone: _zone, authority: _authority, tls, replies, ...profile } = config;
  return {
    ...profile,
    name,
    ...(tls ? { tls: listenerTls(tls, texts) } : {}),
    ...(replies ? { replies: replyAddress(replies, texts) } : {}),
  };
}

function listenerTls(tls: NonNullable<InterfaceConfig['tls']>, texts: NamedTexts): InterfaceTls {
  const { certificate, key, ca, subjects, fingerprints } = tls;
  return {
    cert: texts.file(certificate),
    key: texts.secret(key),
    ...(ca === undefined ? {} : { ca: texts.file(ca) }),
    clientCertificates: ca !== undefined,
    subjects,
    fingerprints,
  };
}

function replyAddress(replies: NonNullable<InterfaceConfig['replies']>, texts: NamedTexts) {
  const { host, port, tls } = replies;
  return { host, port, ...(tls ? { tls: connectionTls(tls, texts) } : {}) };
}

function connectionTls(tls: ClientTlsConfig, texts: NamedTexts): ConnectionOptions {
  return {
    ...(tls.ca === undefined ? {} : { ca: texts.file(tls.ca) }),
    ...(tls.certificate === undefined ? {} : { cert: texts.file(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: texts.secret(tls.key) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}
