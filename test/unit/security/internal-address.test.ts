import { describe, expect, it } from 'vitest';
import { isNetwork, whyNoReceiver, whyRefused } from '../../../src/security/internal-address.ts';

const STRICT = { allowLoopback: false, networks: [] };
const RESERVED = 'is a link-local or reserved address';
const SELF = 'is this machine itself, which only allowLoopback lets in';
const PRIVATE = 'is an internal address of a network that is not listed';

describe('the address of a webhook', () => {
  it.each([
    ['https://8.8.8.8/merges', undefined],
    ['http://portal.example/merges', undefined],
    ['https://[2606:4700::1111]/', undefined],
    ['http://169.254.169.254/latest/meta-data', RESERVED],
    ['http://[::ffff:169.254.169.254]/', RESERVED],
    ['http://[::169.254.169.254]/', RESERVED],
    ['http://2852039166/', RESERVED],
    ['http://0xa9fea9fe/', RESERVED],
    ['http://[fe80::1]/', RESERVED],
    ['http://[64:ff9b::a9fe:a9fe]/', RESERVED],
    ['http://0.0.0.0/', RESERVED],
    ['http://[::]/', RESERVED],
    ['http://224.0.0.1/', RESERVED],
    ['http://255.255.255.255/', RESERVED],
    ['http://127.0.0.1:8080/', SELF],
    ['http://127.1/', SELF],
    ['http://0177.0.0.1/', SELF],
    ['http://[::1]/', SELF],
    ['http://[::ffff:127.0.0.1]/', SELF],
    ['http://localhost/', SELF],
    ['http://app.LOCALHOST./', SELF],
    ['http://10.0.0.1/', PRIVATE],
    ['http://172.31.255.255/', PRIVATE],
    ['http://192.168.1.1/', PRIVATE],
    ['http://100.100.100.200/', PRIVATE],
    ['http://[fd00:ec2::254]/', PRIVATE],
    ['http://[::ffff:10.0.0.1]/', PRIVATE],
    ['ftp://portal.example/', 'is no http or https address'],
    ['not an address', 'is no http or https address'],
    ['https://user:word@portal.example/', 'has a user name or password in it'],
  ])('%s: %s', (url, why) => {
    expect(whyNoReceiver(url, STRICT)).toBe(why);
  });

  it.each([
    ['http://127.0.0.1/', { allowLoopback: true, networks: [] }, undefined],
    ['http://localhost/', { allowLoopback: true, networks: [] }, undefined],
    ['http://10.20.1.1/', { allowLoopback: false, networks: ['10.20.0.0/16'] }, undefined],
    ['http://[::ffff:10.20.1.1]/', { allowLoopback: false, networks: ['10.20.0.0/16'] }, undefined],
    ['http://10.21.1.1/', { allowLoopback: false, networks: ['10.20.0.0/16'] }, PRIVATE],
    ['http://[fd00::1]/', { allowLoopback: false, networks: ['fd00::/64'] }, undefined],
    ['http://127.0.0.1/', { allowLoopback: false, networks: ['127.0.0.0/8'] }, SELF],
    ['http://169.254.169.254/', { allowLoopback: true, networks: ['169.254.0.0/16', '0.0.0.0/0'] }, RESERVED],
  ])('%s with %o: %s', (url, rules, why) => {
    expect(whyNoReceiver(url, rules)).toBe(why);
  });

  it('that a name stands for is judged with its zone left out', () => {
    expect(whyRefused('fe80::1%eth0', STRICT)).toBe(RESERVED);
    expect(whyRefused('portal', STRICT)).toBe('is no address');
  });

  it.each([
    ['10.20.0.0/16', true],
    ['fd00::/8', true],
    ['10.20.0.0', false],
    ['10.20.0.0/33', false],
    ['portal/8', false],
    ['10.0.0.0/', false],
  ])('networks: %s %s', (text, is) => {
    expect(isNetwork(text)).toBe(is);
  });
});
