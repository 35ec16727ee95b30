import type { PeerCertificate } from '../listener-options.ts';
import type { InterfaceTls } from './profile.ts';

/**
 * Whether an interface lets the bearer of a certificate in: its fingerprint is on the list, or all attributes of a
 * subject on the list are its own. Where both lists are empty whoever has shaken hands is let in.
 */
export function isCertificateAllowed(
  certificate: PeerCertificate | undefined,
  tls: Pick<InterfaceTls, 'subjects' | 'fingerprints'> | undefined,
): boolean {
  if (!tls || (tls.subjects.length === 0 && tls.fingerprints.length === 0)) return true;
  if (!certificate) return false;
  const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
  if (tls.fingerprints.some((one) => bare(one) === bare(certificate.fingerprint256))) return true;
  return tls.subjects.some((subject) => bears(certificate, subject));
}

function bears({ subject }: PeerCertificate, wanted: string): boolean {
  return wanted.split(',').every((part) => {
    const [attribute = '', ...rest] = part.split('=');
    const found = subject[attribute.trim()];
    const value = rest.join('=').trim();
    return value !== '' && (Array.isArray(found) ? found.includes(value) : found === value);
  });
}
