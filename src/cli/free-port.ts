import { createServer } from 'node:net';

/** The port if nobody listens on it, else one that was free a moment ago. 0 asks for any. */
export async function freePort(wanted = 0): Promise<number> {
  return (await bindable(wanted)) ?? (await bindable(0)) ?? noPort();
}

async function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(address === null || typeof address === 'string' ? undefined : address.port));
    });
  });
}

function noPort(): never {
  throw new Error('no port of 127.0.0.1 is free');
}
