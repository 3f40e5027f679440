/**
 * Reads a large result as fast as Node can: bytes are counted, not parsed, so that the client costs next to
 * nothing and what is measured is the route.
 */
import { once } from 'node:events';
import { Socket } from 'node:net';
import { Client } from 'pg';
import { serialize } from 'pg-protocol';
import type { Route } from './route.ts';

export interface RowsRead {
  readonly bytes: number;
  readonly seconds: number;
}

/** ReadyForQuery outside a transaction. Text values hold no NUL, so no row ends like this. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

export async function readRows(route: Route, statement: string): Promise<RowsRead> {
  const socket = new Socket();
  // pg logs in (SCRAM) over our socket; then the bytes are ours.
  const client = new Client({ ...route, host: '127.0.0.1', stream: () => socket });
  client.on('error', () => undefined);
  await client.connect();
  socket.removeAllListeners('data');
  const started = performance.now();
  socket.write(serialize.query(statement));
  const bytes = await countUntilReady(socket);
  const seconds = (performance.now() - started) / 1_000;
  const closed = once(socket, 'close');
  socket.end(serialize.end());
  await closed;
  return { bytes, seconds };
}

function countUntilReady(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let tail: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      if (bytes === 0 && chunk[0] === 0x45) reject(new Error(`the statement failed: ${chunk.toString('latin1')}`));
      bytes += chunk.length;
      tail = chunk.length >= ready.length ? chunk.subarray(-ready.length) : Buffer.concat([tail, chunk]).subarray(-ready.length);
      if (tail.equals(ready)) resolve(bytes);
    });
    socket.once('close', () => { reject(new Error('the connection ended within the result')); });
  });
}
