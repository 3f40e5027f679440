import winston from 'winston';
import type { Log } from '../lib/log.ts';

const levels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof levels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return (levels as readonly string[]).includes(text);
}

/** The operator's log: one JSON document a line on stderr, so that stdout stays the command's own. */
export function jsonLog(level: LogLevel): Log {
  const { createLogger, format, transports } = winston;
  const logger = createLogger({ level, format: format.combine(format.timestamp(), format.json()) });
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston's own types disagree about their base class
  logger.add(new transports.Stream({ stream: process.stderr }));
  const say =
    (at: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      logger.log({ ...fields, level: at, message });
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
