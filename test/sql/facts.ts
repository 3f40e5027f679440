import type { Plan } from '../../src/sql/plan.ts';

/** What the conditions of writes read of their own targets: `orders(id) for Update`. */
export function conditionsOf({ statements }: Plan): readonly string[] {
  const touches = statements.flatMap(({ action }) => action.touches);
  return touches.flatMap(({ relation, columns, ofCondition }) => (ofCondition === undefined ? [] : [`${relation}(${columns === '*' ? '*' : columns.join(',')}) for ${ofCondition}`]));
}

/** What a plan says about each statement, on one line: `Select public.orders(id)`, `where` and `uncounted` behind it, without what conditions of writes read, then functions and the rest. */
export function factsOf({ statements }: Plan): readonly string[] {
  return statements.map(({ action, effects }) => {
    const touches = action.touches.filter(({ ofCondition }) => ofCondition === undefined).map(({ operation, schema, relation, columns, hasWhere, uncountable, isHarmlessCatalogue, isOwnTemporary }) => {
      const flags = [hasWhere === undefined ? '' : hasWhere ? 'where' : 'everywhere', uncountable === true ? 'uncounted' : '', isHarmlessCatalogue === true ? 'catalogue' : '', isOwnTemporary === true ? 'own' : ''];
      return [`${operation} ${schema}.${relation}(${columns === '*' ? '*' : columns.join(',')})`, ...flags.filter((flag) => flag !== '')].join(' ');
    });
    return [
      ...touches.sort(),
      ...action.functions.map(({ schema, name, isBuiltIn }) => `${isBuiltIn ? 'built-in' : 'function'} ${schema}.${name}`),
      ...action.settings.map((name) => `setting ${name}`),
      ...action.channels.map((name) => `channel ${name}`),
      ...action.operations.map((name) => `operation ${name}`),
      ...effects.map(({ kind, ...rest }) => `effect ${kind}${'name' in rest ? ` ${rest.name}` : ''}${'verb' in rest ? ` ${rest.verb}` : ''}`),
      ...action.refusals.map(({ code }) => `refused ${code}`),
    ].join('; ');
  });
}
