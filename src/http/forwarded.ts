import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** Whether what a peer says of the way behind it is believed. */
export type TrustPeer = (address: string) => boolean;

/** Whoever asks is who connects. */
export const TRUST_NOBODY: TrustPeer = () => false;

/**
 * @param setting `true`: every peer, for there is always a proxy in front; a list: peers of these addresses and
 *   networks
 */
export function trustOf(setting: boolean | readonly string[]): TrustPeer {
  if (typeof setting === 'boolean') return () => setting;
  const trusted = new BlockList();
  for (const one of setting) {
    const [address = '', bits] = one.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  return (peer) => {
    const address = plain(peer);
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * Address of whoever asks: the peer, or, when the peer is trusted, the last address in `X-Forwarded-For` that is no
 * trusted proxy. What stands before it may have been written by anybody. With every peer trusted that is what the peer
 * itself has written.
 */
export function clientAddress(req: IncomingMessage, trusts: TrustPeer): string {
  const peer = plain(req.socket.remoteAddress ?? '');
  const said = req.headers['x-forwarded-for'];
  if (said === undefined || !trusts(peer)) return peer;
  const hops = String(said)
    .split(',')
    .map((hop) => plain(hop.trim()));
  const everyone = trusts('');
  const last = everyone ? hops.at(-1) : hops.findLast((hop) => !trusts(hop));
  return last !== undefined && isIP(last) !== 0 ? last : peer;
}

/** An IPv4 address that came over an IPv6 socket, as it is written alone. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * Headers by which a proxy says who asks and for what: nobody else may, in any spelling (`X_Forwarded_For` included).
 */
const FORWARDING =
  /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|fastly-client-ip|x-original-(?:url|uri|host|forwarded-for)|x-rewrite-url|x-host|x-proxyuser-ip)$/;

export function isForwarding(name: string): boolean {
  return FORWARDING.test(name.includes('_') ? name.replaceAll('_', '-') : name);
}
