import { passwordDigest } from 'soap';
import { describe, expect, it } from 'vitest';
import { acceptsSecurity, securityHeader, WSSE_NS, WSU_NS } from '../../../../adapters/soap/ws-security.ts';
import { childOf, element } from '../../../../adapters/soap/xml-element.ts';
import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';
import { readXml } from '../../../../adapters/soap/xml-reader.ts';
import { writeXml } from '../../../../adapters/soap/xml-writer.ts';
import { fixedClock } from './fixed-clock.ts';
import { showTree } from './show-tree.ts';
import { createVerifier } from './username-token-verifier.ts';

const NOW = '2026-03-01T08:30:00.250Z';
const clock = fixedClock(NOW);
const user = { username: 'ficus', password: 'geheim & ü' };

function travel(header: XmlElement): XmlElement {
  return readXml(writeXml(header));
}

describe('the Security header', () => {
  it('holds a Timestamp and a UsernameToken with the digest of nonce, time and password', () => {
    const header = securityHeader('1.1', { ...user, nonce: () => Buffer.from('0123456789abcdef') }, clock);
    const nonce = Buffer.from('0123456789abcdef').toString('base64');
    const shown = showTree(header).replaceAll(`{${WSSE_NS}}`, 'wsse:').replaceAll(`{${WSU_NS}}`, 'wsu:');
    const oasis = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';
    expect(shown).toBe(
      'wsse:Security @{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand="1" (' +
        `wsu:Timestamp (wsu:Created "${NOW}", wsu:Expires "2026-03-01T08:35:00.250Z"), ` +
        'wsse:UsernameToken (wsse:Username "ficus", ' +
        `wsse:Password @Type="${oasis}-username-token-profile-1.0#PasswordDigest" "${passwordDigest(nonce, NOW, user.password)}", ` +
        `wsse:Nonce @EncodingType="${oasis}-soap-message-security-1.0#Base64Binary" "${nonce}", ` +
        `wsu:Created "${NOW}"))`,
    );
  });

  it('is accepted once, by one who knows the password, while it is fresh', () => {
    const passwords = new Map([[user.username, user.password]]);
    const header = travel(securityHeader('1.2', user, clock));
    const verify = createVerifier(passwords, () => clock.now());
    expect(verify(header)).toBe('ficus');
    expect(verify(header)).toBe('refused: seen before');
    expect(verify(travel(securityHeader('1.2', { ...user, password: 'x' }, clock)))).toBe(
      'refused: wrong password',
    );
    expect(verify(travel(securityHeader('1.2', { ...user, username: 'x' }, clock)))).toBe('refused: nobody');
    const late = createVerifier(passwords, () => clock.now() + 300_000);
    expect(late(header)).toBe('refused: expired');
    expect(late(travel(securityHeader('1.2', { ...user, lifetimeSeconds: 301 }, clock)))).toBe('ficus');
  });

  it('has a new nonce every time', () => {
    const nonceOf = (): string =>
      childOf(securityHeader('1.1', user, clock).children[1]!, WSSE_NS, 'Nonce')!.text;
    const nonces = new Set(Array.from({ length: 50 }, nonceOf));
    expect(nonces.size).toBe(50);
    expect([...nonces].every((nonce) => Buffer.from(nonce, 'base64').length === 16)).toBe(true);
  });
});

describe('the Security header of an answer is accepted', () => {
  const timestamp = (expires: string): XmlElement =>
    element(WSU_NS, 'Timestamp', [element(WSU_NS, 'Expires', expires)]);
  it.each<[string, boolean, XmlElement[]]>([
    ['with a Timestamp that holds', true, [timestamp('2026-03-01T08:31:00Z')]],
    ['with a Timestamp without an end', true, [element(WSU_NS, 'Timestamp')]],
    ['with a Timestamp a little over, as clocks differ', true, [timestamp('2026-03-01T08:26:00Z')]],
    ['with a Timestamp that ran out', false, [timestamp('2026-03-01T08:25:00Z')]],
    ['with a Timestamp that is no time', false, [timestamp('tomorrow')]],
    [
      'with a signature, which is not checked',
      false,
      [timestamp('2026-03-01T08:31:00Z'), element('urn:ds', 'Signature')],
    ],
    ['with nothing', false, []],
  ])('%s: %s', (_, expected, children) => {
    expect(acceptsSecurity(element(WSSE_NS, 'Security', children), clock)).toBe(expected);
  });
});
