import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { detectedEntities, type DetectedEntity, type Detector, type Mask } from '../../src/bundle/bundle.ts';
import { Secret } from '../../src/lib/secret.ts';
import { createDetector, type ValueDetector } from '../../src/mask/detect.ts';

const redact: Mask = { type: 'Redact' };

function detector(...detectors: readonly Detector[]): ValueDetector {
  const made = createDetector(detectors, new Secret('key'));
  if (made === undefined) throw new Error('no detector');
  return made;
}

function entity(name: DetectedEntity, mask: Mask = redact): Detector {
  return { kind: 'Entity', entity: name, mask };
}

function pattern(text: string, mask: Mask = redact): Detector {
  return { kind: 'Pattern', pattern: text, mask };
}

const everything = detector(...detectedEntities.map((name) => entity(name)));

const pem = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\nabc\n-----END RSA PRIVATE KEY-----';
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

const planted: Readonly<Record<DetectedEntity, readonly string[]>> = {
  Email: ['bob@example.com', 'a.b+c@mail.example.co.uk', "o'neil@x.org", 'josé@münchen.de'],
  CreditCard: ['4111111111111111', '4111 1111 1111 1111', '5500-0000-0000-0004', '3782 822463 10005', '378282246310005', '6011000990139424', '4222222222222'],
  Iban: ['DE89370400440532013000', 'DE89 3704 0044 0532 0130 00', 'GB29NWBK60161331926819', 'fr1420041010050500013m02606', 'GB29 NWBK 6016 1331 9268 19', 'NO9386011117947'],
  Ssn: ['123-45-6789', '856 45 6789'],
  PhoneNumber: ['+14155552671', '+49 30 901820', '+44 (20) 7946 0958', '415-555-2671', '(415) 555-2671', '1 415.555.2671'],
  AwsKey: ['AKIAIOSFODNN7EXAMPLE', 'ASIAIOSFODNN7EXAMPLE'],
  Jwt: [token, 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.'],
  PrivateKey: [pem, pem.replaceAll('RSA ', ''), pem.slice(0, 50)],
};

describe.each(detectedEntities)('%s', (name) => {
  const one = detector(entity(name));

  test.each(planted[name])('hides %j, alone and in a sentence', (secret) => {
    expect(one.rewriteText(secret)).toBe('****');
    const sentence = one.rewriteText(`see <${secret}>, ok`);
    expect(sentence).toBe(secret.startsWith('-----') && !secret.includes('END') ? 'see <****' : 'see <****>, ok');
  });

  test('is found whatever surrounds it, leaves the rest alone, and is not found again', () => {
    const around = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(around, fc.constantFrom(...planted[name]), around, (before, secret, after) => {
        const text = `${before}\n${secret}\n${after}`;
        const masked = one.rewriteText(text);
        expect(masked).not.toContain(secret);
        expect(one.rewriteText(masked)).toBe(masked);
        if (name !== 'PrivateKey') expect(masked).toBe(one.rewriteText(before) + '\n****\n' + one.rewriteText(after));
      }),
    );
  });

  test('the quick look never misses what the search finds, with any bytes around', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.constantFrom(...planted[name]), fc.uint8Array({ maxLength: 30 }), (before, secret, after) => {
        const bytes = Buffer.concat([before, Buffer.from(secret), after]);
        expect(one.mayFind(bytes, 0, bytes.length)).toBe(true);
      }),
    );
  });

  test('never throws and never touches a value in which it finds nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        const bytes = Buffer.from(value);
        const rewritten = one.rewrite(bytes, 0, bytes.length);
        if (rewritten !== undefined) expect(rewritten.includes('****')).toBe(true);
        if (!one.mayFind(bytes, 0, bytes.length)) expect(rewritten).toBeUndefined();
      }),
    );
  });
});

test.each([
  '4111111111111112', '1234567890123', '2024-01-01 12:00:00.123456+00', '192.168.100.200', 'DE89370400440532013001', 'XX89370400440532013000',
  '000-12-3456', '666-12-3456', '900-12-3456', '123-00-4567', '1123-45-6789', '123-45-67890', 'bob@localhost', '@example.com', 'a@b', 'b****@example.com',
  '550e8400-e29b-41d4-a716-446655440000', 'AKIAIOSFODNN7EXAMPL', 'XAKIAIOSFODNN7EXAMPLE', 'eyJhbGciOi.x', '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
  '+0123456789', '****1111', 'total 1,234,567.89', '',
])('%j is nothing', (text) => {
  expect(everything.rewriteText(text)).toBe(text);
});

describe('what is left', () => {
  test.each<[string, Detector, string, string]>([
    ['the last four of a card', entity('CreditCard', { type: 'KeepLast', count: 4 }), 'card 4111 1111 1111 1111.', 'card ****1111.'],
    ['an address by its mask', entity('Email', { type: 'Email' }), 'to bob@example.com.', 'to b****@example.com.'],
    ['nothing of a value that cannot become NULL', entity('Email', { type: 'Null' }), 'to bob@example.com', 'to ****'],
    ['a digest of 32 digits', entity('Ssn', { type: 'Hash' }), '123-45-6789', '****'],
  ])('%s', (_name, one, text, expected) => {
    const masked = detector(one).rewriteText(text);
    if (one.mask.type === 'Hash') expect(masked).toMatch(/^[0-9a-f]{32}$/);
    else expect(masked).toBe(expected);
  });

  test('an aws secret is hidden where a word says that it is one', () => {
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    expect(everything.rewriteText(`aws_secret_access_key = ${secret}`)).toBe('aws_secret_access_key = ****');
    expect(everything.rewriteText(`sha1 ${secret}`)).toBe(`sha1 ${secret}`);
  });

  test('overlapping matches become one, under the stronger mask', () => {
    const both = detector(entity('Email', { type: 'Email' }), pattern('bob@[a-z]+', { type: 'Redact' }));
    expect(both.rewriteText('x bob@example.com y')).toBe('x **** y');
    const parts = detector(entity('CreditCard', { type: 'KeepLast', count: 4 }), pattern('4111', { type: 'KeepFirst', count: 2 }));
    expect(parts.rewriteText('4111111111111111')).toBe('****');
  });
});

describe('user patterns', () => {
  test('hide what they match, in other scripts too', () => {
    expect(detector(pattern('sk-[A-Za-z0-9]{8,}')).rewriteText('é sk-abcdefgh1 é')).toBe('é **** é');
    expect(detector(pattern('Straße \\d+')).rewriteText('in der Straße 12, 😀')).toBe('in der ****, 😀');
    expect(detector(pattern('(?i)secret')).rewriteText('a SECRET')).toBe('a ****');
    expect(detector(pattern('ab*c')).rewriteText('ac')).toBe('****');
    expect(detector(pattern('xy|z')).rewriteText('z')).toBe('****');
  });

  test('that match what their mask leaves hide it whole', () => {
    expect(detector(pattern('[0-9]{4,}', { type: 'KeepLast', count: 4 })).rewriteText('id 123456')).toBe('id ********');
    expect(detector(pattern('.*')).rewriteText('a\nb')).toBe('****\n****');
    expect(detector(pattern('[*][*]')).rewriteText('a ** b')).toBe('****');
  });

  test('give the same at the second pass, whatever the pattern and the mask', () => {
    const masks = fc.constantFrom<Mask>(redact, { type: 'Null' }, { type: 'Hash' }, { type: 'Email' }, { type: 'KeepFirst', count: 3 }, { type: 'KeepLast', count: 3 });
    const patterns = fc.constantFrom('[0-9]+', '\\w+', '.', '[*]', 'a|b', 'x*', '[a-f0-9]{3,}', '\\S+@\\S+');
    fc.assert(
      fc.property(patterns, masks, fc.string({ unit: 'grapheme', maxLength: 30 }), (expression, mask, text) => {
        const one = detector(pattern(expression, mask));
        const masked = one.rewriteText(text);
        expect(one.rewriteText(masked)).toBe(masked);
      }),
    );
  });

  test('that are no expressions are refused', () => {
    expect(() => createDetector([pattern('(')])).toThrow();
    expect(() => createDetector([pattern('(?=a)')])).toThrow();
  });
});

describe('bytes', () => {
  test('outside the given range are neither read into a match nor copied', () => {
    const bytes = Buffer.from('bob@example.com|4111111111111111|tail');
    expect(everything.rewrite(bytes, 4, 15)).toBeUndefined();
    expect(everything.rewrite(bytes, 16, 32)?.toString()).toBe('****');
    expect(everything.rewrite(bytes, 0, 15)?.toString()).toBe('****');
  });

  test('that are no text pass through beside a match', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0x00, 0xc3]), Buffer.from(' 123-45-6789 '), Buffer.from([0xfe, 0x00])]);
    expect(everything.rewrite(bytes, 0, bytes.length)).toEqual(Buffer.concat([Buffer.from([0xff, 0x00, 0xc3]), Buffer.from(' **** '), Buffer.from([0xfe, 0x00])]));
  });

  test('by the million are searched through, the borders between windows included', () => {
    const step = 1024 * 1024 - 64 * 1024;
    for (const place of [step - 8, step, 1024 * 1024 - 8, 2 * step - 8, 3_000_000 - 17]) {
      const bytes = Buffer.alloc(3_000_000, 'lorem ipsum ');
      bytes.write(' 4111111111111111', place);
      const rewritten = everything.rewrite(bytes, 0, bytes.length);
      expect(rewritten?.includes('4111111111111111')).toBe(false);
      expect(rewritten?.includes(' ****')).toBe(true);
    }
  });
});

test('nothing to look for is no detector', () => {
  expect(createDetector([])).toBeUndefined();
});
