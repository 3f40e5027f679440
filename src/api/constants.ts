/** Words of the API that are written by us and read by others: never change one, only add. */

export const apiGroup = 'chaperone.dev';
export const apiVersion = 'chaperone.dev/v1alpha1';

/** Condition types. All are positive but `Reconciling` and `Stalled`, which kstatus reads and which are there only while true. */
export const conditionTypes = {
  Accepted: 'Accepted',
  ResolvedRefs: 'ResolvedRefs',
  PoliciesResolved: 'PoliciesResolved',
  Programmed: 'Programmed',
  Ready: 'Ready',
  Reconciling: 'Reconciling',
  Stalled: 'Stalled',
} as const;
export type ConditionType = (typeof conditionTypes)[keyof typeof conditionTypes];

export const conditionReasons = {
  Accepted: 'Accepted',
  Conflicted: 'Conflicted',
  Draining: 'Draining',
  Invalid: 'Invalid',
  Overridden: 'Overridden',
  PartiallyProgrammed: 'PartiallyProgrammed',
  Pending: 'Pending',
  Programmed: 'Programmed',
  Reconciling: 'Reconciling',
  RefNotFound: 'RefNotFound',
  ResolvedRefs: 'ResolvedRefs',
  RollingOut: 'RollingOut',
  Serving: 'Serving',
  ServingRestricted: 'ServingRestricted',
  TargetNotFound: 'TargetNotFound',
  TargetUnreachable: 'TargetUnreachable',
} as const;
export type ConditionReason = (typeof conditionReasons)[keyof typeof conditionReasons];
