import { describe, expect, it } from '@jest/globals';
import { createRedactor, hiding } from '../../../src/domain/redaction.js';
import { Random } from '../../support/random.js';

const SECRET = `pa$$w0rd/it's+"very" secret&<b>é`;

async function throughStream(groups: string[][], text: string, chunkSize: (left: number) => number) {
  const stream = createRedactor(...groups).stream();
  const out: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => out.push(chunk));
  const ended = new Promise((resolve) => stream.on('end', resolve));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    const size = chunkSize(bytes.length - at);
    stream.write(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  stream.end();
  await ended;
  return Buffer.concat(out);
}

describe('a known secret', () => {
  const redactor = createRedactor([SECRET]);
  const forms: [string, string][] = [
    ['as it is', SECRET],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    ['hexadecimal', Buffer.from(SECRET).toString('hex')],
    ['capital hexadecimal', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['URL-encoded', encodeURIComponent(SECRET)],
    ['URL-encoded in small letters', encodeURIComponent(SECRET).replace(/%../g, (e) => e.toLowerCase())],
    ['as a form field', new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ['JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(SECRET)).slice(3, -3)],
    ['JSON as Go writes it', `pa$$w0rd/it's+\\"very\\" secret\\u0026\\u003cb\\u003e\\u00e9`],
    ['HTML', `pa$$w0rd/it&#39;s+&quot;very&quot; secret&amp;&lt;b&gt;é`],
    ['single-quoted for a shell', SECRET.replaceAll("'", `'\\''`)],
    ['as printf %q writes it', `pa\\$\\$w0rd/it\\'s+\\"very\\"\\ secret\\&\\<b\\>é`],
    ['double-quoted for a shell', `pa\\$\\$w0rd/it's+\\"very\\" secret&<b>é`],
  ];
  it.each(forms)('is hidden %s', (_name, form) => {
    expect(redactor.redact(`before ${form} after`)).toMatch(/^before \*\*\*=* after$/);
  });

  it('is hidden in base64 at every offset of a longer text', () => {
    for (const before of ['', 'u', 'us', 'user:', 'use:', 'x-access-token:']) {
      for (const after of ['', '\n', '!', '??', '{"more": 1}']) {
        const encoded = Buffer.from(before + SECRET + after).toString('base64');
        const shown = redactor.redact(encoded);
        expect(shown).toContain('***');
        // What is left tells the surroundings, at most a few bits at the borders.
        const left = Math.ceil((before.length * 4) / 3) + Math.ceil((after.length * 4) / 3) + 6;
        expect(shown.replace('***', '').length).toBeLessThanOrEqual(left);
      }
    }
  });

  it('is hidden where base64 is broken over lines', () => {
    const long = `${SECRET} ${'0123456789'.repeat(20)}`;
    const wrapped = Buffer.from(`prefix ${long} suffix`).toString('base64').replace(/.{76}/g, '$&\r\n');
    const shown = createRedactor([long]).redactBytes(Buffer.from(wrapped)).toString();
    expect(shown).toMatch(/^[\w+/]{8,12}\*+\r\n\*+\r\n\*+\r\n\*+\r?\n?\**[\w+/]{8,14}=*$/);
    expect(shown.length).toBe(wrapped.length);
  });

  it('is hidden line by line where it has several lines', () => {
    const key = ['-----BEGIN THING-----', 'first line of it', 'second line of it', '-----END THING-----'];
    const both = createRedactor([key.join('\r\n'), 'alpha one\\nbeta two']);
    expect(both.redact('log | second line of it |')).toBe('log | *** |');
    expect(both.redact(key.join('\n'))).toBe('***');
    expect(both.redact('-----BEGIN THING-----')).toBe('-----BEGIN THING-----');
    expect(both.redact('1: alpha one 2: beta two')).toBe('1: *** 2: ***');
  });

  it('is hidden in whatever group it is', () => {
    const redactor = createRedactor(['hunter22'], ['s3cr3t-of-git'], []);
    const encoded = Buffer.from('x-access-token:s3cr3t-of-git').toString('base64');
    expect(redactor.redact('hunter22 s3cr3t-of-git')).toBe('*** ***');
    expect(redactor.redact(`a ${encoded} b`)).toMatch(/^a \w{20}\*\*\* b$/);
    expect(redactor.redactBytes(Buffer.from('hunter22s3cr3t-of-git')).toString()).toMatch(/^\*{21}$/);
    expect(redactor.context).toBe(createRedactor(['s3cr3t-of-git']).context);
  });

  it('hides overlapping and touching secrets as one', () => {
    const some = createRedactor(['abcdefgh', 'efghijkl', 'defghi']);
    expect(some.redact('-abcdefghijkl-abcdefghefghijkl-xdefghix-')).toBe('-***-***-x***x-');
  });
});

describe('short and common values', () => {
  it.each([
    ['', 'never'],
    ['abc', 'never'],
    ['true', 'never'],
    ['Production', 'never'],
    ['********', 'never'],
    ['4821', 'word'],
    ['x1y2z', 'word'],
    ['hunter2', 'everywhere'],
  ])('%j: %s', (value, expected) => {
    expect(hiding(value)).toBe(expected);
  });

  it('hides four and five characters only where they stand alone', () => {
    const redactor = createRedactor(['4821', 'true', 'production', 'a', '']);
    expect(redactor.redact('pin=4821 14821 48210 4821')).toBe('pin=*** 14821 48210 ***');
    expect(redactor.redact('true production a')).toBe('true production a');
  });
});

describe('well-known shapes', () => {
  const redactor = createRedactor([]);
  const random = new Random(7);
  const alnum = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
  const body = random.text(36, alnum);
  const upper = random.text(16, [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567']);
  it.each([
    [`ghp_${body}`, 'ghp_***'],
    [`ghs_123456_eyJ${body}.eyJ${body}.${body}-_x`, 'ghs_***'],
    [`github_pat_11ABC_${body}`, 'github_pat_***'],
    [`AKIA${upper}`, 'AKIA***'],
    [`xoxb-123456789012-${body}`, 'xoxb-***'],
    [`sk-proj-${body}1`, 'sk-***'],
    [`AIza${body}`, 'AIza***'],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${body}`, 'eyJ***'],
    [`Authorization: Bearer ${body}1==`, 'Authorization: Bearer ***'],
    ['authorization: basic dXNlcjpwYXNzd29yZA==', 'authorization: basic ***'],
    ['https://user:hunter2@example.com/x?y', 'https://***@example.com/x?y'],
    ['redis://:p@ss@localhost:6379', 'redis://***@localhost:6379'],
    [
      `-----BEGIN RSA PRIVATE KEY-----\n${body}\n${body}\n-----END RSA PRIVATE KEY-----\nnext`,
      '-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nnext',
    ],
    [
      `"-----BEGIN PRIVATE KEY-----\\n${body}\\n${body}\\n-----END PRIVATE KEY-----\\n"`,
      '"-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\\n"',
    ],
  ])('%s', (text, expected) => {
    expect(redactor.redact(`(${text})`)).toBe(`(${expected})`);
  });

  it.each([
    'Basic authentication is required, Bearer authentication too. Basic Authentication',
    'https://registry.npmjs.org:443/@scope/pkg@1.2.3 git@github.com:o/r.git ssh://git@github.com/o/r',
    'task-sk-management risk-assessment-of-long-names-2024-and-more disk-1234567890123456789012345',
    'expected "-----BEGIN PRIVATE KEY-----" to be there',
    'AKIA AIza ghp_ ghp_short npm_config_registry=x eyJ sk-learn-contrib',
    'sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbXX0=',
  ])('leaves ordinary text alone: %s', (text) => {
    expect(redactor.redact(text)).toBe(text);
  });
});

describe('bytes and streams', () => {
  it('keep length, lines and everything that is no secret', () => {
    const redactor = createRedactor(['first line\nsecond line', 'grüße-für-alle']);
    const text = 'ä first line\nsecond line ö\ngrüße-für-alle 🙂\n';
    const shown = redactor.redactBytes(Buffer.from(text));
    expect(shown.toString()).toBe('ä **********\n*********** ö\n' + '*'.repeat(17) + ' 🙂\n');
    expect(shown.length).toBe(Buffer.byteLength(text));
  });

  it('give back the same buffer where there is nothing to hide, and never change the given one', () => {
    const redactor = createRedactor(['hunter22']);
    const clean = Buffer.from('nothing here');
    expect(redactor.redactBytes(clean)).toBe(clean);
    const dirty = Buffer.from('it is hunter22');
    redactor.redactBytes(dirty);
    expect(dirty.toString()).toBe('it is hunter22');
  });

  it('pass bytes that are no UTF-8', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, ...Buffer.from('hunter22'), 0xc3]);
    const shown = createRedactor(['hunter22']).redactBytes(bytes);
    expect(shown).toEqual(Buffer.from([0xff, 0xfe, 0x00, ...Buffer.from('********'), 0xc3]));
  });

  it('hide the same however the text is cut into chunks', async () => {
    const random = new Random(42);
    const secrets = ['hunter22', 'abcabcabd', '4821', 'line one of it\nline two of it', SECRET];
    const pieces = [
      ...secrets,
      ...secrets.map((secret) => Buffer.from(secret).toString('base64')),
      'abcabcab',
      'hunter2',
      '\n',
      '\r\n',
      ' ',
      'hun\nter22',
      'ghp_aaaaaaaaaaaaaaaaaaaaaaaaa1',
      'https://u:pw@host/',
      'https://host/',
      'AKIAABCDEFGHIJKLMNOP',
      '-----BEGIN PRIVATE KEY-----\n',
      'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2w=\n',
      '-----END PRIVATE KEY-----',
      'Bearer Abc123456789',
      'ä🙂',
      '_',
    ];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: random.int(1, 12) }, () => random.pick(pieces)).join('');
      const groups = round % 2 === 0 ? [secrets] : [secrets.slice(0, 2), secrets.slice(2)];
      const whole = createRedactor(...groups)
        .redactBytes(Buffer.from(text))
        .toString('latin1');
      const size = random.int(1, 9);
      const streamed = await throughStream(groups, text, () => random.int(1, size));
      expect({ text, shown: streamed.toString('latin1') }).toEqual({ text, shown: whole });
      for (const secret of ['hunter22', 'abcabcabd', SECRET]) expect(whole).not.toContain(secret);
    }
  });

  it('let a line out when it is whole, whatever a secret begins with', () => {
    const shown = (secrets: string[], text: string) => {
      const stream = createRedactor(secrets).stream();
      stream.write(Buffer.from(text));
      return String(stream.read());
    };
    expect(shown(['never-seen'], 'listening\ndone\n')).toBe('listening\ndone\n');
    expect(shown(['never-seen'], 'listening\ndone')).toBe('listenin');
    expect(shown(['never-seen'], 'listening\nnev\n')).toBe('liste');
  });

  it('hide what follows when a secret is broken behind its first bytes', async () => {
    const cuts = [3, 100];
    const streamed = await throughStream([['never-seen']], 'ne\nver-seen\n', () => cuts.shift() ?? 100);
    expect(streamed.toString()).toBe('ne\n********\n');
  });

  it('find every literal that a plain search finds', () => {
    const random = new Random(1);
    const alphabet = ['a', 'b', 'c', '\n'];
    for (let round = 0; round < 500; round++) {
      const secrets = Array.from({ length: 4 }, () => `x${random.text(random.int(5, 8), alphabet)}y`);
      const text = random.text(60, [...alphabet, 'x', 'y', random.pick(secrets)]);
      const shown = createRedactor(secrets).redactBytes(Buffer.from(text)).toString();
      for (const secret of secrets.filter((s) => hiding(s) === 'everywhere')) {
        for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
          expect(shown.slice(at, at + secret.length)).toMatch(/^[*\n]+$/);
        }
      }
    }
  });

  it('say how much context the edge of a part needs', () => {
    const redactor = createRedactor(['x'.repeat(50) + 'y'.repeat(50)]);
    expect(redactor.context).toBeGreaterThanOrEqual(300);
  });
});
