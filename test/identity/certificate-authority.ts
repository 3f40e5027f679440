import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
  type JsonGeneralName,
  type X509Certificate,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 60 * 60_000;

export interface LeafOptions {
  readonly subject?: string;
  readonly names?: JsonGeneralName[];
  /** null leaves the extension out. */
  readonly usages?: ExtendedKeyUsage[] | null;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly isCa?: boolean;
}

export interface Issued {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly keyPem: string;
  readonly serialNumber: string;
}

/** A CA of the test's own. */
export class CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  static async create(name = 'CN=agents', from = Date.now() - day): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(from),
      notAfter: new Date(from + 10 * day),
      extensions: caExtensions(),
    });
    return new CertificateAuthority(certificate, keys);
  }

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.certificate = certificate;
    this.#keys = keys;
  }

  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** One below this; with `isCa: false` an agent that plays one. */
  async intermediate(name = 'CN=agents below', { isCa = true } = {}): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await this.#sign(name, keys.publicKey, isCa ? caExtensions() : [new BasicConstraintsExtension(false)], {});
    return new CertificateAuthority(certificate, keys);
  }

  async issue(options: LeafOptions = {}): Promise<Issued> {
    const keys = await generateKeys();
    const { subject = 'CN=reporter', names, usages = [ExtendedKeyUsage.clientAuth], isCa = false } = options;
    const extensions: Extension[] = isCa ? caExtensions() : [new BasicConstraintsExtension(false)];
    if (names !== undefined) extensions.push(new SubjectAlternativeNameExtension(names));
    if (usages !== null) extensions.push(new ExtendedKeyUsageExtension(usages));
    const certificate = await this.#sign(subject, keys.publicKey, extensions, options);
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    return {
      der: new Uint8Array(certificate.rawData),
      pem: certificate.toString('pem'),
      keyPem: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
      serialNumber: certificate.serialNumber,
    };
  }

  async #sign(subject: string, publicKey: webcrypto.CryptoKey, extensions: Extension[], { notBefore, notAfter }: LeafOptions): Promise<X509Certificate> {
    return X509CertificateGenerator.create({
      subject,
      issuer: this.certificate.subject,
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: notBefore ?? new Date(Date.now() - day),
      notAfter: notAfter ?? new Date(Date.now() + day),
      extensions: [...extensions, await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey)],
    });
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
}

function caExtensions(): Extension[] {
  return [new BasicConstraintsExtension(true, undefined, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)];
}
