/** The table that the bench prints, and the JSON of the same. */
import os from 'node:os';
import { median, medianRatio, type Measure } from './measure.ts';

const heads = ['', 'direct', 'pgbouncer', 'gateway', 'gateway/direct', 'gateway/pgbouncer'] as const;

export function table(measures: readonly Measure[]): string {
  const rows = [heads, ...measures.map(row)];
  const widths = heads.map((_head, column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd();
  return rows.map(line).join('\n');
}

function row({ name, unit, direct, pgbouncer, gateway }: Measure): readonly string[] {
  const ratio = (base: readonly number[] | undefined): string => medianRatio(gateway, base)?.toFixed(2) ?? '';
  return [`${name} (${unit})`, value(direct), value(pgbouncer), value(gateway), ratio(direct), ratio(pgbouncer)];
}

function value(values: readonly number[] | undefined): string {
  if (values === undefined) return '';
  const middle = median(values);
  return middle.toFixed(middle < 100 ? 1 : 0);
}

export interface Conditions {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly secondsEach: number;
}

export function json(measures: readonly Measure[], conditions: Conditions): string {
  const machine = { cpus: os.cpus().length, cpu: os.cpus()[0]?.model, memoryBytes: os.totalmem(), kernel: os.release(), node: process.version };
  const results = measures.map((measure) => ({
    ...measure,
    gatewayToDirect: medianRatio(measure.gateway, measure.direct),
    gatewayToPgbouncer: medianRatio(measure.gateway, measure.pgbouncer),
  }));
  return `${JSON.stringify({ machine, conditions, results }, null, 2)}\n`;
}
