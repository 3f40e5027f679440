import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly registry: Registry;
  /** Why the process is not ready, one sentence each: a bundle that is missing, a port that is not open. */
  readonly notReady: () => readonly string[];
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/healthz` (the process lives), `/readyz` (bundles loaded and listening; whether the target is up is another matter) and `/metrics`. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(request.method, request.url, options).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(method: string | undefined, url: string | undefined, { registry, notReady }: HealthOptions): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD are answered\n');
  switch (url?.split('?')[0]) {
    case '/healthz':
      return plain(200, 'ok\n');
    case '/readyz': {
      const reasons = notReady();
      return reasons.length === 0 ? plain(200, 'ok\n') : plain(503, `${reasons.join('\n')}\n`);
    }
    case '/metrics':
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    default:
      return plain(404, 'there are /healthz, /readyz and /metrics\n');
  }
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
