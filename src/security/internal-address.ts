import type { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { FicusError } from '../errors.ts';

/** Which internal addresses may be asked, or sent to, all the same. */
export interface AddressRules {
  /** 127.0.0.0/8 and ::1. */
  readonly allowLoopback: boolean;
  /** Private networks that are meant: `10.20.0.0/16`. What is link-local, or nobody's, stays refused. */
  readonly networks: readonly string[];
}

/**
 * What is never a receiver: link-local (where clouds keep credentials), unspecified, multicast, reserved (RFC 6890).
 */
const NEVER = blockList([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // The old way of writing IPv4 addresses as IPv6 (RFC 4291 §2.5.5.1), with the unspecified one.
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001:db8::/32',
  '2002::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]);
const LOOPBACK = blockList(['127.0.0.0/8', '::1/128']);
/** RFC 1918, RFC 6598, RFC 4193. Metadata services of clouds stand there too: they have to be listed. */
export const PRIVATE_NETWORKS: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
];
const PRIVATE = blockList(PRIVATE_NETWORKS);

/** Why nothing may be sent to an address; undefined: it may. @param address IPv4 or IPv6, without brackets */
export function whyRefused(address: string, rules: AddressRules): string | undefined {
  const plain = mapped(address);
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(plain) === 0) return 'is no address';
  if (LOOPBACK.check(plain, family))
    return rules.allowLoopback ? undefined : 'is this machine itself, which only allowLoopback lets in';
  if (NEVER.check(plain, family)) return 'is a link-local or reserved address';
  if (PRIVATE.check(plain, family) && !blockList(rules.networks).check(plain, family))
    return 'is an internal address of a network that is not listed';
  return undefined;
}

/**
 * Why nothing may be sent to a URL, as far as it says so itself; undefined: it may. What a host name stands for is
 * looked at again whenever a connection is made.
 */
export function whyNoReceiver(url: string, rules: AddressRules): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol)) return 'is no http or https address';
  if (parsed.username !== '' || parsed.password !== '') return 'has a user name or password in it';
  const host = parsed.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host) !== 0) return whyRefused(host, rules);
  if (/(^|\.)localhost$/i.test(host)) return whyRefused('127.0.0.1', rules);
  return undefined;
}

/**
 * Looks names up for connections, and refuses one when any of its addresses is internal: a name that stood for another
 * address when it was checked leads nowhere either.
 *
 * @param look the system's way
 * @param whose in words, for the refusal: `the receiver`
 */
export function guardedLookup(
  rules: AddressRules | ((hostname: string) => AddressRules),
  look: typeof lookup,
  whose: string,
): LookupFunction {
  return (hostname, options, callback) => {
    look(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      const allowed = typeof rules === 'function' ? rules(hostname) : rules;
      const why = addresses
        .map(({ address }) => whyRefused(address, allowed))
        .find((one) => one !== undefined);
      const [first] = addresses;
      if (why !== undefined || !first) {
        const words = `the address of ${whose} ${why ?? 'stands for nothing'}`;
        return callback(new FicusError('forbidden', words), '');
      }
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** Whether a text is a network: `10.20.0.0/16`, `fd00::/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return (
    rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  );
}

/** `::ffff:10.0.0.1` is 10.0.0.1, however it is written (RFC 4291 §2.5.5.2). */
function mapped(address: string): string {
  const host =
    isIP(address) === 6
      ? (URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname ?? address)
      : address;
  const plain = host.replace(/^\[|\]$/g, '');
  const found = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(plain);
  if (!found) return plain;
  const [high, low] = [Number.parseInt(found[1]!, 16), Number.parseInt(found[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
