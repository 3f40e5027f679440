import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { freePort } from '../free-port.ts';

/** Ports as examples/quickstart writes them. */
const writtenPorts = { target: 54_320, gateway: 54_330 } as const;

/** A copy of examples/quickstart in which state and recordings may be written. */
export interface QuickstartCopy {
  readonly directory: string;
  readonly ports: { readonly target: number; readonly gateway: number };
  /** The statements that make the shop. */
  readonly shop: string;
}

/** Copies the quickstart; ports that are taken on this machine are replaced by free ones. */
export async function copyQuickstart(): Promise<QuickstartCopy> {
  const directory = mkdtempSync(join(tmpdir(), 'chaperone-demo-'));
  const notYetRun = (path: string): boolean => !['state', 'recordings'].includes(basename(path));
  cpSync(quickstartDirectory(), directory, { recursive: true, filter: notYetRun });
  const ports = { target: await freePort(writtenPorts.target), gateway: await freePort(writtenPorts.gateway) };
  const file = join(directory, 'connection.yaml');
  const text = readFileSync(file, 'utf8')
    .replaceAll(String(writtenPorts.target), String(ports.target))
    .replaceAll(String(writtenPorts.gateway), String(ports.gateway));
  writeFileSync(file, text);
  return { directory, ports, shop: readFileSync(join(directory, 'shop.sql'), 'utf8') };
}

/** Above this file, wherever the program runs from: src/cli/demo or dist. */
function quickstartDirectory(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    const directory = join(at, 'examples', 'quickstart');
    if (existsSync(join(directory, 'connection.yaml'))) return directory;
    if (at === dirname(at)) throw new Error('examples/quickstart was not found: run the demo from a checkout');
  }
}
