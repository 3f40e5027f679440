import { createSecureContext, type SecureContext } from 'node:tls';
import { messageOf } from '../../lib/coded-error.ts';
import type { Log } from '../../lib/log.ts';
import type { BundleSource, SecretSource } from '../ports.ts';

/** What new connections are encrypted with. */
export interface ServerTls {
  readonly context: SecureContext;
  readonly requestsCertificate: boolean;
}

/** Keeps the gateway's certificate as its Secret has it. A Secret that cannot be read leaves the last good one in force. */
export class GatewayTls {
  readonly #bundles: BundleSource;
  readonly #secrets: SecretSource;
  readonly #log: Log;
  readonly #stop: (() => void)[];
  #current: ServerTls | undefined;

  constructor(bundles: BundleSource, secrets: SecretSource, log: Log) {
    this.#bundles = bundles;
    this.#secrets = secrets;
    this.#log = log;
    const reload = (): void => void this.load();
    this.#stop = [bundles.onChange(reload), secrets.onChange(reload)];
  }

  /** Undefined: no certificate is configured, or none could be read yet. */
  get current(): ServerTls | undefined {
    return this.#current;
  }

  async load(): Promise<void> {
    const bundle = this.#bundles.current?.bundle;
    if (bundle === undefined) return;
    const { tlsSecret } = bundle.gateway;
    if (tlsSecret === undefined) {
      this.#current = undefined;
      return;
    }
    try {
      const caSecret = bundle.identity.clientCertificates?.caSecret;
      const [cert, key] = [await this.#read(tlsSecret, 'tls.crt'), await this.#read(tlsSecret, 'tls.key')];
      const ca = caSecret === undefined ? undefined : await this.#read(caSecret, 'ca.crt');
      const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) });
      this.#current = { context, requestsCertificate: ca !== undefined };
    } catch (error) {
      this.#log.error('the certificate of the gateway could not be loaded', { secret: tlsSecret, error: messageOf(error) });
    }
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  async #read(secret: string, key: string): Promise<string> {
    const read = await this.#secrets.read(secret, key);
    if (!read.ok) throw new Error(read.error.message);
    return read.value.reveal();
  }
}
