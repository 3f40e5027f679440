import { createHmac } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import type { Session } from '../session.ts';

/**
 * What an agent sends in COPY FROM STDIN is evidence like the rows that it reads. For a table with masked columns
 * the values of these stand among the others, and all of it is kept as a keyed digest alone.
 */
export class CopiedIn {
  readonly #session: Session;
  readonly #hashKey: Secret<string>;
  #digest: ReturnType<typeof createHmac> | undefined;
  #bytes = 0;

  constructor(session: Session, hashKey: Secret<string>) {
    this.#session = session;
    this.#hashKey = hashKey;
  }

  begin(holdsSecrets: boolean): void {
    this.#bytes = 0;
    this.#digest = holdsSecrets && this.#session.recordsResults ? createHmac('sha256', this.#hashKey.reveal()) : undefined;
  }

  /** False: it could not be recorded, and must not go on. */
  take(frame: Buffer): boolean {
    if (this.#digest === undefined) return !this.#session.recordsResults || this.#session.frames(frame);
    this.#digest.update(frame);
    this.#bytes += frame.length;
    return true;
  }

  /** The data is complete, or what is still to come is not wanted. */
  end(): void {
    const digest = this.#digest;
    this.#digest = undefined;
    if (digest === undefined) return;
    this.#session.note('Info', 'CopyWithheld', `${this.#bytes} bytes of COPY data for a table with masked columns, digest hmac:${digest.digest('hex')}`);
  }
}
