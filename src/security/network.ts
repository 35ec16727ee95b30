import { isIP } from 'node:net';

/** How many leading bits of an address say which network it is of. */
export interface NetworkBits {
  /** 0 to 32. */
  readonly ipv4: number;
  /** 0 to 128. */
  readonly ipv6: number;
}

/**
 * The network of an address: `192.0.2.0/24`, `2001:db8:1::/48`. What is no address stands for itself.
 *
 * @param address IPv4 or IPv6, without brackets
 */
export function networkOf(address: string, bits: NetworkBits): string {
  const family = isIP(address);
  if (family === 4) return `${masked(address.split('.').map(Number), 8, bits.ipv4).join('.')}/${bits.ipv4}`;
  if (family === 6) {
    const groups = masked(groupsOf(address), 16, bits.ipv6);
    return `${groups.map((group) => group.toString(16)).join(':')}/${bits.ipv6}`;
  }
  return address;
}

/** @param width bits of each part */
function masked(parts: readonly number[], width: number, bits: number): number[] {
  return parts.map((part, index) => {
    const kept = Math.min(width, Math.max(0, bits - index * width));
    return part & (((1 << kept) - 1) << (width - kept));
  });
}

/** The eight groups of an IPv6 address, whichever way it is written (RFC 4291 §2.2). */
function groupsOf(address: string): number[] {
  const plain = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname.slice(1, -1) ?? '::';
  const [head = '', tail] = plain.split('::');
  const numbers = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const before = numbers(head);
  const behind = numbers(tail ?? '');
  const between = Array.from({ length: 8 - before.length - behind.length }, () => 0);
  return [...before, ...between, ...behind];
}
