import { isIPv4 } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import { startHealthServer, type HealthServer } from '../gateway/health-server.ts';
import { GatewayMetrics } from '../gateway/prometheus-metrics.ts';
import { messageOf } from '../lib/coded-error.ts';
import { startFilesGateway, type FilesGateway } from './files-gateway.ts';
import { jsonLog, type LogLevel } from './json-log.ts';
import { parsePort } from './option-values.ts';

interface GatewayOptions {
  readonly files: string;
  readonly host: string;
  readonly healthPort: number;
  readonly logLevel: LogLevel;
}

/** `chaperone gateway --files DIR`: serves until SIGTERM or SIGINT, then drains; a second signal ends it at once. */
export function gatewayCommand(): Command {
  return new Command('gateway')
    .description('serve every AgentConnection of a directory of YAML')
    .requiredOption('--files <directory>', 'the directory; it is watched')
    .addOption(new Option('--host <address>', 'address to listen on; beyond loopback clients must use TLS').argParser(parseAddress).default('127.0.0.1'))
    .option('--health-port <port>', 'port of /healthz, /readyz and /metrics on loopback', parsePort, 9090)
    .addOption(new Option('--log-level <level>', 'least severe level to log').choices(['error', 'warn', 'info', 'debug']).default('info'))
    .action(async (options: GatewayOptions, command: Command) => {
      const log = jsonLog(options.logLevel);
      const metrics = new GatewayMetrics();
      try {
        const gateway = await startFilesGateway({ directory: options.files, host: options.host, log, metrics });
        const health = await startHealthServer({ host: '127.0.0.1', port: options.healthPort, registry: metrics.registry, notReady: () => gateway.notReady() });
        log.info('the gateway is up', { connections: gateway.connections, healthPort: health.port });
        endOnSignals(gateway, health);
      } catch (thrown) {
        command.error(`error: ${messageOf(thrown)}`);
      }
    });
}

function endOnSignals(gateway: FilesGateway, health: HealthServer): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) {
      void gateway.close().then(() => process.exit(1));
      return;
    }
    isEnding = true;
    void gateway.drain().then(() => health.close()).then(() => process.exit(0));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', () => void gateway.rescan());
}

function parseAddress(text: string): string {
  if (!isIPv4(text) && !text.includes(':')) throw new InvalidArgumentError('write an IP address');
  return text;
}
