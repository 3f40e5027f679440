import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFilesGateway, type FilesGateway } from '../../src/cli/files-gateway.ts';
import { GatewayMetrics } from '../../src/gateway/prometheus-metrics.ts';
import { silentLog } from '../../src/lib/log.ts';

describe('a gateway from files says that it is not ready', () => {
  let gateway: FilesGateway | undefined;
  const directory = mkdtempSync(join(tmpdir(), 'chaperone-files-'));

  afterEach(async () => {
    await gateway?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(path: string): Promise<FilesGateway> {
    gateway = await startFilesGateway({ directory: path, host: '127.0.0.1', log: silentLog, metrics: new GatewayMetrics() });
    return gateway;
  }

  test('for a directory that does not exist', async () => {
    const { notReady } = await start(join(directory, 'nowhere')).then((started) => ({ notReady: started.notReady() }));
    expect(notReady).toEqual(['no connection is served']);
  });

  test('for a connection that does not compile', async () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'a.yaml'), 'apiVersion: chaperone.dev/v1alpha1\nkind: AgentConnection\nmetadata: {name: a, namespace: shop}\nspec: {}\n');
    const started = await start(directory);
    expect(started.notReady()).toEqual([expect.stringContaining('shop/a: it does not compile')]);
  });
});
