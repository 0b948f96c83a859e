import { describe, expect, it } from 'vitest';
import { isPrivateHost } from '../../src/contract/index.ts';

/** As a URL leaves it: octal, hexadecimal and short forms of IPv4 become dotted, IPv6 is compressed in brackets. */
const hostOf = (address: string) => new URL(`https://${address}/`).hostname;

describe('private addresses', () => {
  it('are seen in every form that a URL can take', () => {
    const addresses = [
      'localhost',
      'LOCALHOST',
      'localhost.',
      'app.localhost',
      'printer.local',
      'metadata.google.internal',
      '127.0.0.1',
      '127.1',
      '127.255.255.254',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '0',
      '0.0.0.0',
      '10.0.0.1',
      '10.255.255.255',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '100.64.0.1',
      '100.127.255.255',
      '169.254.169.254',
      '0xa9fea9fe',
      '192.0.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '198.19.255.255',
      '198.51.100.1',
      '203.0.113.1',
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[fc00::1]',
      '[fd12:3456::1]',
      '[ff02::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:10.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
      '[0:0:0:0:0:0:0:1]',
      '[::127.0.0.1]',
      '[fd00::ffff:808:808]',
      '[fe80::ffff:808:808]',
      '[2001:0:7f00:1::]',
      '[2001:db8::1]',
      '[2002:808:808::]',
      '[3fff::1]',
      '192.88.99.1',
      '168.63.129.16',
      '127.0.0.1.',
      '１２７.０.０.１',
      'local',
      'metadata',
      'localhost.localdomain',
      'router.lan',
      'nas.home.arpa',
      'wiki.corp',
    ];
    for (const address of addresses) expect(isPrivateHost(hostOf(address)), address).toBe(true);
  });

  it('leave public ones alone, right up to the edges', () => {
    const addresses = [
      'example.com',
      'localhost.example.com',
      'lan.example',
      'internal.example',
      'notlocalhost.example',
      '1.1.1.1',
      '8.8.8.8',
      '9.255.255.255',
      '11.0.0.0',
      '126.255.255.255',
      '128.0.0.1',
      '100.63.255.255',
      '100.128.0.0',
      '169.253.0.1',
      '169.255.0.1',
      '172.15.255.255',
      '172.32.0.0',
      '192.167.255.255',
      '192.169.0.0',
      '192.0.1.1',
      '198.17.255.255',
      '198.20.0.0',
      '198.51.99.1',
      '203.0.112.1',
      '203.0.114.1',
      '223.255.255.255',
      '[2606:4700::1111]',
      '[2a00:1450:4001::1]',
      '[::ffff:8.8.8.8]',
      '192.88.98.1',
      '168.63.129.15',
      '[2001:200::1]',
      '[2001:4860:4860::8888]',
      '[2606::ffff:7f00:1]',
      '[3fff:1000::1]',
    ];
    for (const address of addresses) expect(isPrivateHost(hostOf(address)), address).toBe(false);
  });

  it('reads what a name server answers, too, and takes what it cannot read for private', () => {
    for (const address of [
      ...['127.0.0.1', '::1', 'fe80::1', 'fe80::1%eth0', '::ffff:127.0.0.1', '::ffff:7f00:1', 'fd00::2'],
      ...['', '1:2', '1::2::3', '2606:4700::10000', '2606:4700:::1', '1:2:3:4:5:6:7:8:9', '10.1', 'x.0x7f'],
    ]) {
      expect(isPrivateHost(address), address).toBe(true);
    }
    for (const address of ['93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8', '::ffff:808:808'])
      expect(isPrivateHost(address), address).toBe(false);
  });
});
