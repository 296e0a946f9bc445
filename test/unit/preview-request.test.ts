import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  askPreview,
  ForbiddenAddress,
  isPublicAddress,
  requirePreviewUrl,
  type Resolve,
} from '../../src/validators/preview-request.js';

const NEVER = AbortSignal.any([]);

describe('addresses that may be asked', () => {
  it.each(['93.184.216.34', '1.1.1.1', '2606:4700::1111', '172.32.0.1', '100.128.0.1', '::ffff:8.8.8.8'])(
    '%s',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '168.63.129.16',
    '192.168.1.1',
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::FFFF:169.254.169.254',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a00:1',
    '::ffff:0:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::a9fe:a9fe',
    '2001:0:4136:e378::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ])('not %j', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('URLs that may be a preview', () => {
  it.each([
    'http://127.0.0.1:4000/',
    'http://localhost:4000/login',
    'http://[::1]:4000/',
    // Other ways to write the same address and port.
    'http://2130706433:4000/',
    'http://0x7f.1:4000/',
    'http://0177.0.0.01:4000/',
    'http://user:password@127.0.0.1:4000/',
    'https://preview.example.com/',
    'https://preview.example.com:8443/x',
  ])('%s', (url) => expect(requirePreviewUrl(url, 4000)).toBeInstanceOf(URL));

  it.each([
    'http://127.0.0.1:4001/',
    'http://127.0.0.1/',
    'http://127.1:5432/',
    'http://2130706433/',
    'http://0x7f000001:3002/',
    'http://017700000001:3002/',
    'http://127.0.0.2:4000/',
    'http://0.0.0.0:4000/',
    'http://0:4000/',
    'https://127.0.0.1:4000/',
    'http://localhost:3002/',
    'http://localhost.:3002/',
    'http://a.localhost:4000/',
    'http://a.localhost.:4000/',
    'http://LOCALHOST:3002/',
    'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:3002/',
    'http://127。0。0。1:3002/',
    'http://[::]:4000/',
    'http://[::1]:3002/',
    'http://[::ffff:127.0.0.1]:3002/',
    'http://[::ffff:7f00:1]:4000/',
    'http://[64:ff9b::7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://0251.0376.0251.0376/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://192.168.0.1/',
    'http://127.0.0.1:4000@169.254.169.254/',
    'http://preview.example.com@10.0.0.1/',
    'http://127.0.0.1:4000@10.0.0.1/',
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://127.0.0.1:4000/',
    'data:text/html,hi',
    'javascript:alert(1)',
    'not a url',
    'http://',
  ])('not %s', (url) => expect(() => requirePreviewUrl(url, 4000)).toThrow(ForbiddenAddress));
});

describe('asking', () => {
  let server: Server;
  let port: number;
  let answer: RequestListener;
  const asked: string[] = [];

  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(`${request.headers.host} ${request.url}`);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = (url: string, own = port, resolve?: Resolve) =>
    askPreview(url, { port: own, timeoutMs: 5_000, signal: NEVER, ...(resolve ? { resolve } : {}) });
  const to = (...addresses: string[]): Resolve & { asked: string[] } => {
    const names: string[] = [];
    const resolve: Resolve = (hostname, _options, callback) => {
      names.push(hostname);
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    return Object.assign(resolve, { asked: names });
  };

  it('follows redirects within the preview', async () => {
    answer = ({ url }, response) =>
      url === '/' ? response.writeHead(302, { location: '/login' }).end() : response.end('hello');
    const { status, finalUrl, redirects, leadsTo } = await ask(`http://127.0.0.1:${port}/`);
    expect({ status, finalUrl, redirects, leadsTo }).toEqual({
      status: 200,
      finalUrl: `http://127.0.0.1:${port}/login`,
      redirects: 1,
      leadsTo: null,
    });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1:1/',
    'http://[::ffff:169.254.169.254]/',
    '//10.0.0.1/',
    'http://2852039166/',
    'https://elsewhere.example.com/',
    'file:///etc/passwd',
  ])('does not follow a redirect to %s', async (location) => {
    answer = (_, response) => response.writeHead(307, { location }).end();
    const { status, leadsTo } = await ask(`http://127.0.0.1:${port}/`);
    expect(status).toBe(307);
    expect(leadsTo).toBe(new URL(location, `http://127.0.0.1:${port}/`).href);
    expect(asked).toHaveLength(1);
  });

  it('gives up on redirects that go round', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/again' }).end();
    expect((await ask(`http://127.0.0.1:${port}/`)).redirects).toBe(10);
    expect(asked).toHaveLength(11);
  });

  it.each([
    ['loopback', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['a private address', ['10.0.0.7']],
    ['IPv4 within IPv6', ['::ffff:7f00:1']],
    ['a public and a hidden address', ['93.184.216.34', '127.0.0.1']],
    ['no address', []],
  ])('refuses a name that leads to %s, without connecting', async (_, addresses) => {
    answer = (_request, response) => response.end('reached');
    const resolve = to(...addresses);
    // The server's port, so that a connection would succeed.
    await expect(ask(`http://rebound.example.com:${port}/`, 1, resolve)).rejects.toThrow(ForbiddenAddress);
    expect(resolve.asked).toEqual(['rebound.example.com']);
    expect(asked).toEqual([]);
  });

  it('resolves anew for every connection, so that a name can’t change between check and use', async () => {
    let times = 0;
    const rebinding: Resolve = (_hostname, _options, callback) => {
      times++;
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    for (let n = 1; n <= 2; n++) {
      await expect(ask(`http://rebound.example.com:${port}/`, 1, rebinding)).rejects.toThrow(/not public/);
      expect(times).toBe(n);
    }
    expect(asked).toEqual([]);
  });

  it('ends at a body without end, and at an answer that never comes', async () => {
    answer = (_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    expect((await ask(`http://127.0.0.1:${port}/`)).status).toBe(200);

    answer = () => undefined;
    await expect(
      askPreview(`http://127.0.0.1:${port}/`, { port, timeoutMs: 100, signal: NEVER }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
