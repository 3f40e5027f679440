/**
 * The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), with channel binding tls-server-end-point
 * (RFC 5929). Both sides prove that they know the password; the invariant is that nobody is taken for the
 * target before `verify` has returned.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import { saltedPassword } from './salted-password.ts';

/** A server may ask for any count; this many take under a second. PostgreSQL's default is 4,096. */
const maxIterations = 1_000_000;

export type ChannelBinding =
  /** No TLS, or a certificate for which no binding is defined. */
  | { readonly kind: 'Unsupported' }
  /** We could bind, and the target did not offer to: said so, in case somebody in between took the offer out. */
  | { readonly kind: 'NotOffered' }
  | { readonly kind: 'EndPoint'; readonly digest: Buffer };

export interface ScramExchange {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';
  readonly clientFirst: string;
  /** The client's proof for the server's challenge. */
  prove(serverFirst: string, password: Secret<string>): Promise<string>;
  /** Throws unless the server has proved that it knows the password too. */
  verify(serverFinal: string): void;
}

export function startScram(binding: ChannelBinding): ScramExchange {
  const header = binding.kind === 'EndPoint' ? 'p=tls-server-end-point,,' : binding.kind === 'NotOffered' ? 'y,,' : 'n,,';
  const bound = Buffer.concat([Buffer.from(header), binding.kind === 'EndPoint' ? binding.digest : Buffer.alloc(0)]).toString('base64');
  const nonce = randomBytes(18).toString('base64');
  // PostgreSQL takes the name from the start-up message and ignores this one.
  const firstBare = `n=,r=${nonce}`;
  let expected: Buffer | undefined;

  return {
    mechanism: binding.kind === 'EndPoint' ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    clientFirst: header + firstBare,
    async prove(serverFirst, password) {
      const challenge = readChallenge(serverFirst, nonce);
      const salted = await saltedPassword(prepare(password.reveal()), challenge.salt, challenge.iterations);
      const withoutProof = `c=${bound},r=${challenge.nonce}`;
      const transcript = `${firstBare},${serverFirst},${withoutProof}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(clientKey).digest(), transcript);
      expected = hmac(hmac(salted, 'Server Key'), transcript);
      const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature.readUInt8(at)));
      return `${withoutProof},p=${proof.toString('base64')}`;
    },
    verify(serverFinal) {
      const given = Buffer.from(attributes(serverFinal).get('v') ?? '', 'base64');
      if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new Error('the target did not prove that it knows the password');
      }
    },
  };
}

/** The digest of the server's certificate that a binding carries; undefined where RFC 5929 defines none (Ed25519) or the name does not tell (RSA-PSS). */
export function endPointDigest(certificate: Buffer): Buffer | undefined {
  // Such as sha256WithRSAEncryption or ecdsa-with-SHA384; undefined in Node before 24.9.
  const algorithm = new X509Certificate(certificate).signatureAlgorithm;
  const bits = algorithm === undefined ? undefined : /sha-?(1|224|256|384|512)(?!\d)/i.exec(algorithm)?.[1];
  if (bits === undefined) return undefined;
  return createHash(bits === '1' ? 'sha256' : `sha${bits}`).update(certificate).digest();
}

interface Challenge {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

function readChallenge(serverFirst: string, ours: string): Challenge {
  const given = attributes(serverFirst);
  const nonce = given.get('r') ?? '';
  if (!nonce.startsWith(ours) || nonce.length === ours.length) throw new Error('the target answered with a nonce that is not ours');
  const salt = Buffer.from(given.get('s') ?? '', 'base64');
  const iterations = Number(given.get('i'));
  if (salt.length === 0 || !Number.isSafeInteger(iterations) || iterations < 1) throw new Error('the target sent a SCRAM challenge that cannot be read');
  if (iterations > maxIterations) throw new Error(`the target asks for ${iterations} SCRAM iterations; at most ${maxIterations} are made`);
  return { nonce, salt, iterations };
}

function attributes(message: string): ReadonlyMap<string, string> {
  return new Map(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** SASLprep (RFC 4013) as far as it changes bytes; PostgreSQL uses passwords that it prohibits as they are, and so do we. */
function prepare(password: string): string {
  return password
    .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g, ' ')
    .replace(/\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g, '')
    .normalize('NFKC');
}
