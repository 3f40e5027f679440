import type { Socket } from 'node:net';

/** One address, known to nobody yet, may hold this part of all places. */
const shareOfOne = 4;

/** Connections that have not logged in yet. Bounded over all, and for each address, so that one cannot lock out the others. */
export class PendingLogins {
  readonly #max: number;
  readonly #sockets = new Map<Socket, string>();
  readonly #byAddress = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** False: there is no place. */
  add(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const held = this.#byAddress.get(address) ?? 0;
    if (this.#sockets.size >= this.#max || held >= Math.ceil(this.#max / shareOfOne)) return false;
    this.#sockets.set(socket, address);
    this.#byAddress.set(address, held + 1);
    return true;
  }

  delete(socket: Socket): void {
    const address = this.#sockets.get(socket);
    if (address === undefined) return;
    this.#sockets.delete(socket);
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }

  destroy(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }
}
