import type { Plan } from '../../src/sql/plan.ts';

/** What a plan says about each statement, on one line: `Select public.orders(id)`, `where` and `uncounted` behind it, then functions and the rest. */
export function factsOf({ statements }: Plan): readonly string[] {
  return statements.map(({ action, effects }) => {
    const touches = action.touches.map(({ operation, schema, relation, columns, hasWhere, uncountable, isHarmlessCatalogue, isOwnTemporary }) => {
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
