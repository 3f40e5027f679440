import { describe, expect, test } from '@jest/globals';
import { type NamespacedName, namespacedName } from '../../../src/lib/brand.ts';
import { buildSnapshot } from '../../../src/provider/files/build-snapshot.ts';
import { ServedConnections } from '../../../src/provider/files/served-connections.ts';
import type { Snapshot } from '../../../src/provider/files/snapshot.ts';
import { connection, policy, secret } from './files.ts';

const orders = namespacedName('team-a', 'orders');
const stock = namespacedName('team-a', 'stock');
const base = [connection('orders', 5432), secret('login', 'first'), policy('bot')];

function snapshotOf(...manifests: readonly string[]): Snapshot {
  return buildSnapshot([{ name: 'all.yaml', text: manifests.join('---\n') }]);
}

/** What a gateway on `orders` would hear of, in order. */
function listening(served: ServedConnections, name: NamespacedName = orders): string[] {
  const heard: string[] = [];
  const sources = served.get(name);
  sources?.bundles.onChange(() => heard.push('bundle'));
  sources?.secrets.onChange((changed) => heard.push(`secret ${changed}`));
  return heard;
}

describe('the connections of a directory', () => {
  test('have a bundle and their Secrets from the start', async () => {
    const served = new ServedConnections(snapshotOf(...base));
    expect(served.names).toEqual([orders]);
    const sources = served.get(orders);
    expect(sources?.bundles.current?.bundle.policies).toHaveLength(1);
    expect(await sources?.secrets.read('login', 'password')).toMatchObject({ ok: true });
  });

  test('hear of a changed policy by a new revision, and only then', () => {
    const served = new ServedConnections(snapshotOf(...base));
    const heard = listening(served);
    const before = served.get(orders)?.bundles.current?.revision;
    served.update(snapshotOf(...base));
    expect(heard).toEqual([]);
    served.update(snapshotOf(...base.slice(0, 2), policy('bot', 'mode: Observe')));
    expect(heard).toEqual(['bundle']);
    expect(served.get(orders)?.bundles.current?.revision).not.toBe(before);
  });

  test('hear of a rotated Secret without a new bundle', () => {
    const served = new ServedConnections(snapshotOf(...base));
    const heard = listening(served);
    served.update(snapshotOf(connection('orders', 5432), secret('login', 'second'), policy('bot')));
    expect(heard).toEqual(['secret login']);
  });

  test('have Secrets and bundle of one snapshot when a listener runs', async () => {
    const served = new ServedConnections(snapshotOf(...base));
    const sources = served.get(orders);
    const seen: unknown[] = [];
    sources?.secrets.onChange(() => seen.push(sources.bundles.current?.bundle.policies.length));
    served.update(snapshotOf(connection('orders', 5432), secret('login', 'second')));
    expect(seen).toEqual([0]);
  });

  test('come and go; who holds on to one that went is left without a bundle', () => {
    const served = new ServedConnections(snapshotOf(...base));
    const heard = listening(served);
    const sources = served.get(orders);
    const change = served.update(snapshotOf(connection('stock', 5433), secret('login', 'first')));
    expect(change).toEqual({ added: [stock], removed: [orders] });
    expect(heard).toEqual(['bundle']);
    expect(sources?.bundles.current).toBeUndefined();
    expect(served.get(orders)).toBeUndefined();
    expect(served.names).toEqual([stock]);
  });

  test('that break are no longer served', () => {
    const served = new ServedConnections(snapshotOf(...base));
    const change = served.update(snapshotOf(connection('orders', 80), secret('login', 'first')));
    expect(change.removed).toEqual([orders]);
  });
});
