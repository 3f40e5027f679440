/** How many digits before the point a numeric type holds; undefined where it says nothing that a mask could keep to. */
export function integerDigits(typeSql: string): number | 'Unlimited' | undefined {
  const modifier = /\((\d+)(?:,(-?\d+))?\)/.exec(typeSql);
  if (modifier === null) return 'Unlimited';
  const scale = Number(modifier[2] ?? '0');
  // A negative scale rounds to tens and hundreds, upwards too, and so past the largest value.
  return scale < 0 ? undefined : Math.max(0, Number(modifier[1]) - scale);
}
