import { randomBytes, timingSafeEqual } from 'node:crypto';

/** A key that lets its holder cancel what one session runs; the target's own never leaves the gateway. */
export interface CancelKey {
  readonly processId: number;
  readonly key: Buffer;
}

/** Keys of all sessions of the process: CancelRequest comes on a connection of its own. */
export class CancelKeys {
  readonly #holders = new Map<number, { readonly key: Buffer; readonly cancel: () => Promise<void> }>();

  /** `minor`: of the protocol; from 3.2 on keys are long. */
  issue(minor: number, cancel: () => Promise<void>): CancelKey {
    let processId: number;
    do processId = randomBytes(4).readUInt32BE() >>> 1;
    while (processId === 0 || this.#holders.has(processId));
    const key = randomBytes(minor >= 2 ? 32 : 4);
    this.#holders.set(processId, { key, cancel });
    return { processId, key };
  }

  revoke({ processId }: CancelKey): void {
    this.#holders.delete(processId);
  }

  /** Resolves once the target has taken note. A wrong key is not answered, as PostgreSQL does not. */
  async cancel(processId: number, key: Buffer): Promise<void> {
    const holder = this.#holders.get(processId);
    if (holder?.key.length === key.length && timingSafeEqual(holder.key, key)) await holder.cancel();
  }
}
