import type { ClientTlsConfig } from '../config/tls-schema.ts';
import type { Certificates, LivePem } from './certificates.ts';

/** What a connection to a system is made with; its certificates are read anew for each. */
export interface ClientTls extends LivePem {
  readonly servername?: string;
}

/** @throws Error as {@link Certificates.use} */
export function clientTls(
  name: string,
  config: ClientTlsConfig,
  certificates: Pick<Certificates, 'use'>,
): ClientTls {
  const { serverName, ...files } = config;
  const pem = certificates.use(name, files);
  if (serverName === undefined) return pem;
  return Object.defineProperty(pem, 'servername', { enumerable: true, value: serverName });
}
