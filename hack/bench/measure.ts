/**
 * What was measured, and how two routes compare. Rounds are interleaved: each takes every route once, so noise of
 * the machine meets all alike, and a ratio is the median of the ratios within rounds.
 */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  /** One value a round, in the order of the rounds. A route that has no such value is left out. */
  readonly direct?: readonly number[];
  readonly pgbouncer?: readonly number[];
  readonly gateway: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

export function medianRatio(values: readonly number[], base: readonly number[] | undefined): number | undefined {
  if (base === undefined || base.length === 0) return undefined;
  return median(values.map((value, round) => value / (base[round] ?? NaN)));
}

/** Runs every arm once a round, each round beginning with another one; the values of an arm are in the order of the rounds. */
export async function interleaved<Arm extends string, Value>(
  rounds: number,
  arms: readonly Arm[],
  run: (arm: Arm, round: number) => Promise<Value>,
): Promise<ReadonlyMap<Arm, readonly Value[]>> {
  const values = new Map<Arm, Value[]>(arms.map((arm) => [arm, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % arms.length;
    for (const arm of [...arms.slice(first), ...arms.slice(0, first)]) values.get(arm)?.push(await run(arm, round));
  }
  return values;
}
